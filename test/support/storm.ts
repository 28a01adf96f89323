import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { onTestFinished } from 'vitest';

const PROGRAM = join(import.meta.dirname, 'programs/storm.mjs');

export interface Storm {
  /** Resolves when that many rounds are over, with the answers so far: `/api/events 503` and how often. */
  rounds(count: number): Promise<Record<string, number>>;
  stop(): Promise<void>;
}

/** Has another process, of the user `uid` if given, do everything at once to the listener at `port`. */
export async function storm(options: { port: number; inbox: string; each: number; uid?: number }): Promise<Storm> {
  const { port, inbox, each, uid } = options;
  const asUser = uid === undefined ? [] : ['setpriv', '--reuid', `${uid}`, '--regid', `${uid}`, '--clear-groups'];
  const words = [...asUser, process.execPath, '--input-type=module', '-', String(port), inbox, String(each)];
  const child = spawn(words[0] ?? '', words.slice(1), { cwd: '/', stdio: ['pipe', 'pipe', 'inherit'] });
  createReadStream(PROGRAM).pipe(child.stdin);
  const ended = once(child, 'close');
  const stop = async () => {
    child.kill('SIGKILL');
    await ended;
  };
  onTestFinished(stop);
  const lines = createInterface({ input: child.stdout });
  const reports: Record<string, number>[] = [];
  lines.on('line', line => line.startsWith('{') && reports.push(JSON.parse(line)));
  const failed = ended.then(([code]) => {
    throw new Error(`the storm ended with ${code}`);
  });
  failed.catch(() => {});
  await Promise.race([once(lines, 'line'), failed]);
  return {
    stop,
    async rounds(count) {
      while (reports.length < count) await Promise.race([once(lines, 'line'), failed]);
      return reports.at(-1) ?? {};
    },
  };
}

/** How long /healthz takes to answer 200, milliseconds, connection included; Infinity if it does not. */
export async function healthMs(port: number): Promise<number> {
  const since = performance.now();
  const asked = request({ host: '127.0.0.1', port, path: '/healthz', agent: false, timeout: 60_000 });
  asked.on('timeout', () => asked.destroy());
  asked.end();
  try {
    const [response] = await once(asked, 'response');
    response.resume();
    return response.statusCode === 200 ? performance.now() - since : Number.POSITIVE_INFINITY;
  } catch {
    return Number.POSITIVE_INFINITY;
  }
}
