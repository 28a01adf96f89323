/** Runs a TypeScript file of the tests as a program (Node 20 cannot): `node test/support/run-ts.mjs FILE [ARGUMENTS...]`. */
import { resolve } from 'node:path';
import { runnerImport } from 'vite';

await runnerImport(resolve(process.argv[2] ?? ''), { configFile: false, logLevel: 'error' });
