import process from 'node:process';
import fc from 'fast-check';

// Run before the tests of each file: with SALLYPORT_SEED all worlds that are made by chance are those of that number, so that a run can be made
// again. Without it every run tries others.

const given = process.env['SALLYPORT_SEED'];
if (given !== undefined) fc.configureGlobal({ ...fc.readConfigureGlobal(), seed: Number(given) });
