#!/usr/bin/env node
import process from 'node:process';
import { buildProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

// A reader that goes away (`sallyport flow … | head`) is no failure. The controller outlives the reader of its log, and a full disk.
const outlives = process.argv[2] === 'run';
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (outlives) return;
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

process.exitCode = await buildProgram(processTerminal).run(process.argv.slice(2));
