/** Makes the stand-in runnable by plain Node, which knows no types before version 22: for the demo and the benchmarks. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));

/** Compiles into a temporary directory; `remove` takes it away again. `import(url('server.js'))` then gives the module. */
export function buildNemoServer() {
  const dir = mkdtempSync(join(tmpdir(), 'nemo-server-build-'));
  writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
  const tsc = join(dirname(createRequire(import.meta.url).resolve('typescript/package.json')), 'bin/tsc');
  const { status, stdout, stderr } = spawnSync(process.execPath, [
    tsc,
    '-p',
    join(here, 'tsconfig.json'),
    '--outDir',
    dir,
  ]);
  if (status !== 0) throw new Error(`the stand-in does not compile:\n${stdout.toString()}${stderr.toString()}`);
  return {
    dir,
    url: file => pathToFileURL(join(dir, file)).href,
    remove: () => rmSync(dir, { recursive: true, force: true }),
  };
}
