#!/usr/bin/env node
import { basename } from 'node:path';
import process from 'node:process';
import { isSea } from 'node:sea';
import { boundYoung } from './bound-garbage.ts';
import { buildProgram } from './program.ts';
import { processTerminal } from './terminal.ts';
import { ourWords } from './todays-flags.ts';

// A reader that goes away (`sallyport flow … | head`) is no failure. The controller outlives the reader of its log, and a full disk.
const [, script = '', ...given] = process.argv;
// The single executable has no script; it is called by its own name, whatever file that leads to.
const program = isSea() ? process.argv0 : script;
const words = ourWords(basename(program), given);
const outlives = words[0] === 'run' || words[0] === 'droptailer';
for (const stream of [process.stdout, process.stderr])
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (outlives) return;
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });

// Of a firewall machine, which is found out only after much was read.
if (words[0] === 'run') boundYoung();

// Never rejects. Not awaited at the top: the single executable is one script, and no module.
void buildProgram(processTerminal)
  .run(words)
  .then((code) => {
    process.exitCode = code;
  });
