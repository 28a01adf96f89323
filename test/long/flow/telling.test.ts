/** What the whole program tells the outside: webhooks and metrics. */
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';

let server: Server;
let box: Box;
let got: { event: string; title: string; job: { source: string; reason: string | null } }[];
let url: string;

beforeEach(async () => {
  got = [];
  server = createServer((asked, answer) => {
    let text = '';
    asked.setEncoding('utf8').on('data', chunk => {
      text += chunk;
    });
    asked.on('end', () => {
      got.push(JSON.parse(text));
      answer.end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/SeCrEt`;
});

afterEach(async () => {
  await box.dispose();
  server.closeAllConnections();
  server.close();
});

async function metrics(): Promise<string> {
  const agent = new Agent({ connect: { socketPath: join(box.state, 'control.sock') } });
  const { statusCode, headers, body } = await request('http://localhost/metrics', { dispatcher: agent });
  const text = await body.text();
  await agent.destroy();
  expect([statusCode, headers['content-type']]).toEqual([200, expect.stringContaining('text/plain')]);
  return text;
}

it('ended jobs are reported and counted, and no secret or path leaks', async () => {
  box = new Box({ config: { notify: [{ url, on: ['done', 'failed'] }] } });
  await box.start();
  box.drop(await footage('plain'), 'clip.mp4');
  writeFileSync(join(box.inbox, 'text.mp4'), 'this is not a video');
  await box.job('clip.mp4', 'done');
  await box.job('text.mp4', 'failed');
  await eventually(() => got.length === 2, { what: 'two notifications' });
  expect(got.map(({ event, title }) => `${event}: ${title}`).sort()).toEqual([
    'done: clip.mp4 is done',
    'failed: text.mp4 failed',
  ]);
  const text = await metrics();
  for (const line of [
    /^shrinkbox_jobs\{state="done",engine="local"\} 1$/m,
    /^shrinkbox_jobs\{state="failed",engine="local"\} 1$/m,
    /^shrinkbox_saved_bytes_total\{engine="local"\} [1-9]/m,
    /^shrinkbox_step_duration_seconds_count\{engine="local",step="verifying"\} 1$/m,
    /^shrinkbox_journal_fsyncs_total [1-9]/m,
    /^shrinkbox_disk_free_bytes\{place="state",folder=""\} [1-9]/m,
    /^shrinkbox_disk_free_bytes\{place="outbox",folder="0"\} [1-9]/m,
    /^shrinkbox_folder_available\{folder="0"\} 1$/m,
    /^shrinkbox_notifications_total\{outcome="delivered"\} 2$/m,
    /^shrinkbox_http_requests_total\{via="socket",code="200"\} [1-9]/m,
  ])
    expect(text).toMatch(line);
  for (const secret of [box.dir, 'clip.mp4', 'SeCrEt']) expect(text).not.toContain(secret);
  expect(box.logText()).not.toContain('SeCrEt');
});

it('without notify nothing is sent; notify-test says whether an address works', async () => {
  box = new Box();
  await box.start();
  box.drop(await footage('tiny'), 'clip.mp4');
  await box.job('clip.mp4', 'done');
  expect(await box.kill('SIGTERM')).toBe(0);
  expect(got).toEqual([]);
  expect(await box.run('notify-test')).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('no notifications are configured'),
  });
  box.configure({ notify: [{ url }] });
  const good = await box.run('notify-test');
  expect(good).toMatchObject({ code: 0, stdout: expect.stringContaining('sent') });
  expect(got.map(({ event }) => event)).toEqual(['test']);
  box.configure({ notify: [{ url }, { url: 'http://127.0.0.1:1/SeCrEt' }] });
  const half = await box.run('notify-test');
  expect(half).toMatchObject({ code: 3, stdout: expect.stringContaining('http://127.0.0.1:1/...: ') });
  expect(good.stdout + half.stdout + half.stderr).not.toContain('SeCrEt');
});
