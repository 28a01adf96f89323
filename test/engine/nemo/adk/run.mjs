/**
 * The reader of message streams against a real Google ADK server: `npm run test:adk`. Installs the server (287 MB) into a
 * temporary folder, because nobody who uses or builds shrinkbox needs it. ADK for Node takes camelCase requests only, so the
 * request's fields are renamed on the way; the stream is left alone.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { messageBody, sendMessage } from '../../../../dist/engine/nemo/message/stream.js';
import { translate } from '../../../../dist/engine/nemo/message/reply-text.js';
import { repliesOf } from '../../../../dist/engine/nemo/message/turn.js';
import { systemClock } from '../../../../dist/platform/clock.js';
import { createHttp } from '../../../../dist/platform/http.js';
import { silentLogger } from '../../../../dist/platform/log.js';

const VERSION = '0.3.0';
const here = dirname(fileURLToPath(import.meta.url));
const dir = process.env.SHRINKBOX_ADK_DIR ?? mkdtempSync(join(tmpdir(), 'shrinkbox-adk-'));
const signal = new AbortController().signal;
const http = createHttp({ fresh: true });
let server;
try {
  install();
  const url = await startServer();
  await check(url, 'compress this video to under 50MB', ({ kind, turn }) => {
    assert.equal(kind, 'over');
    assert.deepEqual(turn.tools, ['edit_multitrack']);
    assert.equal(turn.openTools, 0);
    assert.equal(turn.error, undefined);
    assert.equal(repliesOf(turn), 'Compressed to 42 MB. 视频已压缩。 Click the Export button.');
    assert.deepEqual(translate(repliesOf(turn)), {
      text: 'Compressed to 42 MB. 视频已压缩。',
      actions: ['export'],
      openSteps: [],
    });
  });
  await check(url, 'a silent edit', ({ kind, turn }) => {
    assert.equal(kind, 'over');
    assert.equal(repliesOf(turn), '');
    assert.deepEqual(turn.tools, ['edit_multitrack']);
  });
  await check(url, 'fail in the middle', ({ kind, turn }) => {
    // However the framework reports it: an error in the stream, or a stream that ends.
    assert.ok(kind === 'unknown' || turn.error !== undefined, JSON.stringify(turn));
    if (turn.error) assert.match(turn.error.message, /boom/);
  });
  console.log('ok   the streams of a real ADK server are understood');
} finally {
  server?.kill('SIGTERM');
  await http.close();
  if (!process.env.SHRINKBOX_ADK_DIR) rmSync(dir, { recursive: true, force: true });
}

function install() {
  writeFileSync(join(dir, 'package.json'), '{"private":true,"type":"module"}');
  const npm = spawnSync(
    'npm',
    ['install', '--no-audit', '--no-fund', '--ignore-scripts', `@google/adk-devtools@${VERSION}`],
    { cwd: dir, stdio: 'inherit' },
  );
  if (npm.status !== 0) throw new Error('the ADK server could not be installed');
  mkdirSync(join(dir, 'agents', 'nemo_agent'), { recursive: true });
  copyFileSync(join(here, 'nemo_agent.js'), join(dir, 'agents', 'nemo_agent', 'agent.js'));
}

async function startServer() {
  const port = await freePort();
  const cli = join(dir, 'node_modules', '.bin', 'adk');
  server = spawn(cli, ['api_server', '--host', '127.0.0.1', '--port', String(port), join(dir, 'agents')], {
    cwd: dir,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; tries < 300; tries += 1) {
    const answer = await fetch(`${url}/list-apps`).catch(() => undefined);
    if (answer?.ok) return url;
    if (server.exitCode !== null) throw new Error('the ADK server ended');
    await new Promise(resolve => setTimeout(resolve, 200));
  }
  throw new Error('the ADK server did not start');
}

async function check(url, text, look) {
  const made = await fetch(`${url}/apps/nemo_agent/users/me/sessions`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{}',
  });
  const { id } = await made.json();
  const end = await sendMessage({
    client: { openStream: request => openStream(url, request) },
    ...{ sessionId: id, text, clock: systemClock, signal, log: silentLogger, onNotice: () => {} },
    limits: { messageTimeout: 60_000, heartbeatTimeout: 60_000 },
  });
  look(end);
  console.log(`ok   "${text}": ${end.kind}`);
}

async function openStream(url, request) {
  const { app_name, user_id, session_id, new_message } = JSON.parse(request.json);
  assert.equal(request.json, messageBody(session_id, new_message.parts[0].text));
  const body = JSON.stringify({
    appName: app_name,
    userId: user_id,
    sessionId: session_id,
    newMessage: { role: 'user', ...new_message },
  });
  const answer = await http.request({
    ...{
      method: 'POST',
      url: `${url}/run_sse`,
      headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    },
    ...{ body, signal: request.signal, silenceMs: 0 },
  });
  assert.equal(answer.status, 200);
  assert.match(answer.headers['content-type'], /text\/event-stream/);
  return { kind: 'stream', body: answer.body };
}

function freePort() {
  return new Promise(resolve => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}
