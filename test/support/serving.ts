import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type ServeOptions, type Serving, serve } from '../../src/api/serve.ts';
import { controlSocket } from '../../src/api/socket.ts';
import { systemClock } from '../../src/platform/clock.ts';
import { silentLogger } from '../../src/platform/log.ts';
import { FakeControl } from './fake-control.ts';

/** A directory of the test's own, removed after it. */
export async function tempDir(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), 'shrinkbox-test-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

/** A control server over a fake daemon in a state directory of its own, closed after the test. */
export async function serving(
  options: Partial<ServeOptions> & { stateDir?: string } = {},
): Promise<{ stateDir: string; control: FakeControl; server: Serving }> {
  const stateDir = options.stateDir ?? (await tempDir());
  const control = (options.control as FakeControl | undefined) ?? new FakeControl(stateDir);
  const server = await serve({
    control,
    socketPath: controlSocket(stateDir),
    log: silentLogger,
    clock: systemClock,
    ...options,
  });
  onTestFinished(() => server.close());
  return { stateDir, control, server };
}

export interface Answer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  text: string;
  json: any;
}

export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** One request with exactly these headers, over the socket or to the address. */
export function ask(
  server: Serving,
  path: string,
  { method = 'GET', headers = {}, body }: Ask = {},
  tcp = false,
): Promise<Answer> {
  const where = tcp ? { host: server.address?.host, port: server.address?.port } : { socketPath: server.socket };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...where, path, method, headers, agent: false }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', chunk => {
        text += chunk;
      });
      response.on('error', reject);
      response.on('end', () => {
        const isJson = response.headers['content-type']?.startsWith('application/json');
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text,
          json: isJson && text ? JSON.parse(text) : undefined,
        });
      });
    });
    request.on('error', reject);
    request.end(body);
  });
}
