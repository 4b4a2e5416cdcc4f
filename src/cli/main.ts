#!/usr/bin/env node
import { basename } from 'node:path';
import process from 'node:process';
import { buildProgram } from './program.ts';
import { processTerminal } from './terminal.ts';

// A reader that goes away (`sallyport flow … | head`) is no failure. The controller outlives the reader of its log, and a full disk.
// The unit of today's droptailer starts a program of this name, without a word.
const [, program = '', ...given] = process.argv;
const words = basename(program) === 'droptailer-client' ? ['droptailer', ...given] : given;
const outlives = words[0] === 'run' || words[0] === 'droptailer';
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (outlives) return;
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

process.exitCode = await buildProgram(processTerminal).run(words);
