/**
 * `npm run dev [-- ARGUMENTS of run]`: the daemon from dist/, rebuilt and restarted on every change of src/. Watches with the
 * compilers themselves and with Node; all of it ends with Ctrl-C.
 */
import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const bin = name => join(root, 'node_modules/.bin', name);
/** Each in a process group of its own: `tsc` is a launcher whose compiler would outlive it. */
const inGroup = { stdio: ['ignore', 'inherit', 'inherit'], detached: true };
const inRoot = { ...inGroup, cwd: root };

const built = spawnSync('npm', ['run', '-s', 'build:fresh'], { cwd: root, stdio: 'inherit' });
if (built.status !== 0) process.exit(1);

const children = [
  spawn(bin('tsc'), ['-p', 'tsconfig.json', '--watch', '--preserveWatchOutput'], inRoot),
  spawn(bin('vite'), ['build', '--watch', '--config', 'src/web/vite.config.ts'], inRoot),
  // Arguments behind the script are the program's: where it is started is where it looks for its configuration.
  spawn(
    process.execPath,
    ['--watch', '--watch-preserve-output', join(root, 'dist/cli.js'), 'run', ...process.argv.slice(2)],
    inGroup,
  ),
];
let isEnding = false;
function end() {
  isEnding = true;
  for (const { pid } of children) {
    try {
      process.kill(-pid, 'SIGTERM');
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
  }
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, end);
// One that ends by itself takes the others along: half of it would only look like working.
for (const child of children) child.on('exit', () => isEnding || end());
