import process from 'node:process';
import { buildApiServer } from './apiserver-program.ts';

/** Before the suite `cluster`: the server is there. */
export default async function setUp(): Promise<void> {
  await buildApiServer((line) => process.stderr.write(`${line}\n`));
}
