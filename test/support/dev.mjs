/**
 * `npm run dev [-- ARGUMENTS of run]`: the daemon from dist/, rebuilt and restarted on every change of src/. Watches with the
 * compilers themselves and with Node; all of it ends with Ctrl-C.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const bin = name => join(root, 'node_modules/.bin', name);
const inRoot = { cwd: root, stdio: 'inherit' };

if (spawnSync('npm', ['run', '-s', 'build:fresh'], inRoot).status !== 0) process.exit(1);

const children = [
  spawn(bin('tsc'), ['-p', 'tsconfig.json', '--watch', '--preserveWatchOutput'], inRoot),
  spawn(bin('vite'), ['build', '--watch', '--config', 'src/web/vite.config.ts'], inRoot),
  // Arguments behind the script are the program's: where it is started is where it looks for its configuration.
  spawn(
    process.execPath,
    ['--watch', '--watch-preserve-output', join(root, 'dist/cli.js'), 'run', ...process.argv.slice(2)],
    {
      stdio: 'inherit',
    },
  ),
];
let isEnding = false;
function end() {
  isEnding = true;
  for (const child of children) child.kill('SIGTERM');
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
// One that ends by itself takes the others along: half of it would only look like working.
for (const child of children) child.on('exit', () => isEnding || end());
