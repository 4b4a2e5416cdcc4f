import process from 'node:process';
import { helmProgram } from '../../scripts/helm.ts';
import { buildApiServer } from './apiserver-program.ts';

/** Before the suite `cluster`: the server is there, and Helm, which otherwise several files would build at once. */
export default async function setUp(): Promise<void> {
  await buildApiServer((line) => process.stderr.write(`${line}\n`));
  helmProgram();
}
