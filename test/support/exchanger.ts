import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';

/** Ids that no account has: whoever may write into the folders, and somebody whose files are nobody else's business. */
export const NEIGHBOUR = 4602;
export const STRANGER = 4603;

/** Why nobody else can be on this machine; `undefined` where they can. */
export const noNeighbours =
  process.platform === 'linux' && process.getuid?.() === 0 ? undefined : 'only root on Linux can act as other users';

/**
 * renameat2(RENAME_EXCHANGE) in a loop, as another user if told; says `ready`, and at its end how often. It becomes that user
 * itself, because an interpreter in root's home is not theirs to start.
 */
const PYTHON = `
import ctypes, os, random, signal, sys, time
libc = ctypes.CDLL(None, use_errno=True)
a, b = (os.fsencode(path) for path in sys.argv[1:3])
pause, user, chance = float(sys.argv[3]), int(sys.argv[4]), random.Random(int(sys.argv[5]))
if user >= 0: os.setgroups([]); os.setresgid(user, user, user); os.setresuid(user, user, user)
parent, stopped = os.getppid(), []
signal.signal(signal.SIGTERM, lambda *_: stopped.append(1))
count = 0
def swap():
    global count
    done = libc.syscall({'x86_64': 316, 'aarch64': 276}[os.uname().machine], -100, a, -100, b, 2) == 0
    count += done
    return done
if not (swap() and swap()): sys.exit('renameat2: ' + os.strerror(ctypes.get_errno()))
print('ready', flush=True)
# Nor does it go on once whoever started it is gone.
while not stopped and os.getppid() == parent:
    if pause:
        swap(); time.sleep(pause)
        continue
    # As fast as it goes, with pauses of up to a third of a millisecond now and then.
    for _ in range(chance.randrange(1, 400)): swap()
    short = chance.choice((0, 0, 0.00005, 0.0003))
    for _ in range(chance.randrange(1, 40)):
        swap()
        if short: time.sleep(short)
for _ in range(100):
    if count % 2 == 0 or swap(): break
print(count, flush=True)
`;

/** The same by three renames, where there is no python3: for a moment neither name is there. */
const NODE = `
const { renameSync } = require('node:fs');
const [a, b, pause, user] = process.argv.slice(1);
if (Number(user) >= 0) { process.setgroups([]); process.setgid(Number(user)); process.setuid(Number(user)); }
let stopped = false, count = 0;
process.on('SIGTERM', () => (stopped = true));
const swap = () => { renameSync(a, a + '.x'); renameSync(b, a); renameSync(a + '.x', b); };
console.log('ready');
const turn = () => {
  if (stopped) { if (count % 2) swap(); console.log(count); process.exit(0); }
  for (let n = 0; n < (Number(pause) ? 1 : 20); n += 1) { try { swap(); count += 1; } catch {} }
  Number(pause) ? setTimeout(turn, Number(pause) * 1000) : setImmediate(turn);
};
turn();
`;

const hasPython = spawnSync('python3', ['-c', 'import ctypes'], { stdio: 'ignore' }).status === 0;

export interface Exchanger {
  /** Ends it with both names as they were, if both are still there; resolves with how often they were exchanged. */
  stop(): Promise<number>;
}

interface ExchangeOptions {
  /** The user it runs as; only root may say so. */
  uid?: number;
  /** Seconds between two exchanges. */
  pauseS?: number;
  seed?: number;
}

/** Exchanges two names as fast as the machine allows, as somebody who may write to their folders can. */
export async function exchanging(
  a: string,
  b: string,
  { uid = -1, pauseS = 0, seed = 1 }: ExchangeOptions = {},
): Promise<Exchanger> {
  const [command, ...program] = hasPython ? ['python3', '-c', PYTHON] : [process.execPath, '-e', NODE];
  const args = [...program, a, b, String(pauseS), String(uid), String(seed)];
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

/** A line of shell that exchanges two names once. */
export function exchangeOnce(a: string, b: string): string {
  if (!hasPython) return `mv '${a}' '${a}.x' && mv -T '${b}' '${a}' && mv '${a}.x' '${b}'`;
  const swap =
    "import ctypes, os, sys; sys.exit(-ctypes.CDLL(None).syscall({'x86_64': 316, 'aarch64': 276}[os.uname().machine], -100, os.fsencode(sys.argv[1]), -100, os.fsencode(sys.argv[2]), 2))";
  // One that every user may start, where there are several.
  return `PATH=/usr/bin:/bin:$PATH python3 -c "${swap}" '${a}' '${b}'`;
}
