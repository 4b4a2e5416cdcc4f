#!/usr/bin/env node
import process from 'node:process';
import { buildProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

// A reader that goes away (`sallyport flow … | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

process.exitCode = await buildProgram(processTerminal).run(process.argv.slice(2));
