/**
 * `npm run demo:nemo`: the whole cloud path on a machine without an account, against the stand-in service of this folder. The
 * program is the built one; nothing leaves the machine, and every line of what happens is the daemon's own.
 */
import { statSync } from 'node:fs';
import { formatBytes } from '../../src/core/units.ts';
import { Box } from './box.ts';
import { footage } from './footage.ts';
import { NemoServer } from './nemo-server/server.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

const server = new NemoServer({ render: 'ffmpeg', renderMs: 1500 });
const url = await server.start();
const box = new Box({
  config: {
    engine: 'nemo',
    rules: [{ name: 'cloud', size: '300kB', instruction: 'compress this video to under 300kB without losing quality' }],
    nemo: { api_url: url, poll_interval: '500ms' },
  },
});
try {
  say(
    'This talks to a stand-in for the NemoVideo service that runs on this machine: no account, no credits, no network.',
  );
  await box.start();
  const source = box.drop(await footage('plain'), 'holiday.mp4');
  const startedAt = Date.now();
  say(`dropped ${source} (${formatBytes(statSync(source).size)})`);
  const job = await box.job('holiday.mp4');
  for (const { at, event, note } of job.history)
    say(`  ${new Date(at).toISOString().slice(11, 19)}  ${event.padEnd(10)} ${note ?? ''}`.trimEnd());
  say('');
  say(`state    ${job.state}${job.reason ? `: ${job.reason}` : ''}`);
  if (job.facts['agent']) say(`agent    ${job.facts['agent']}`);
  if (job.facts['claim link']) say(`on site  ${job.facts['claim link']} (of the stand-in: it leads nowhere)`);
  say(`before   ${formatBytes(job.source_bytes)}`);
  say(`after    ${formatBytes(job.output_bytes ?? 0)}   ${job.output}`);
  say(
    `time     ${((Date.now() - startedAt) / 1000).toFixed(1)}s, ${server.requests.length} requests, ${server.messages.length} message`,
  );
  say('The folders of this demonstration are removed again.');
  process.exitCode = job.state === 'done' ? 0 : 3;
} finally {
  await box.dispose();
  await server.stop();
}
