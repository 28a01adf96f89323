import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';

/** renameat2(RENAME_EXCHANGE) in a loop; says `ready`, and at its end how often. */
const PYTHON = `
import ctypes, os, signal, sys
libc = ctypes.CDLL(None, use_errno=True)
a, b, pause = os.fsencode(sys.argv[1]), os.fsencode(sys.argv[2]), float(sys.argv[3])
import time
stopped = []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
def swap():
    if libc.syscall({'x86_64': 316, 'aarch64': 276}[os.uname().machine], -100, a, -100, b, 2) != 0:
        raise OSError(ctypes.get_errno(), 'renameat2')
count = 0
swap(); swap()
print('ready', flush=True)
while not stopped:
    swap(); count += 1
    if pause: time.sleep(pause)
if count % 2: swap()
print(count, flush=True)
`;

/** The same by three renames, where there is no python3: for a moment neither name is there. */
const NODE = `
const { renameSync } = require('node:fs');
const [a, b, pause] = process.argv.slice(1);
let stopped = false, count = 0;
process.on('SIGTERM', () => (stopped = true));
const swap = () => { renameSync(a, a + '.x'); renameSync(b, a); renameSync(a + '.x', b); };
console.log('ready');
const turn = () => {
  if (stopped) { if (count % 2) swap(); console.log(count); process.exit(0); }
  for (let n = 0; n < (Number(pause) ? 1 : 20); n += 1) { swap(); count += 1; }
  Number(pause) ? setTimeout(turn, Number(pause) * 1000) : setImmediate(turn);
};
turn();
`;

function hasPython(): boolean {
  try {
    execFileSync('python3', ['-c', 'import ctypes'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

export interface Exchanger {
  /** Ends it with both names as they were; resolves with how often they were exchanged. */
  stop(): Promise<number>;
}

/**
 * Exchanges two names as fast as the machine allows, as somebody who may write to their folders can.
 * @param options.uid the user it runs as; only root may say so. `pauseS`: seconds between two exchanges.
 */
export async function exchanging(
  a: string,
  b: string,
  { uid, pauseS = 0 }: { uid?: number; pauseS?: number } = {},
): Promise<Exchanger> {
  const program = hasPython() ? ['python3', '-c', PYTHON] : [process.execPath, '-e', NODE];
  const as = uid === undefined ? [] : ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, '--clear-groups'];
  const [command = '', ...args] = [...as, ...program, a, b, String(pauseS)];
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout?.on('data', (data: Buffer) => (said += data.toString()));
  const ended = once(child, 'close');
  await Promise.race([
    once(child.stdout ?? child, 'data'),
    ended.then(() => {
      throw new Error('the exchanger ended at once');
    }),
  ]);
  return {
    async stop() {
      child.kill('SIGTERM');
      await ended;
      return Number(said.trim().split('\n').pop());
    },
  };
}
