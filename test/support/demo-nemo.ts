/**
 * `npm run demo:nemo -- --workflow quick|batch|iterative`: the cloud path on a machine without an account, against the stand-in service
 * of this folder. The program is the built one; nothing leaves the machine, and every line of what happens is the daemon's own.
 */
import { statSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { JobDetail } from '../../src/api/types.ts';
import { formatBytes } from '../../src/core/units.ts';
import { Box } from './box.ts';
import { footage } from './footage.ts';
import { NemoServer } from './nemo-server/server.ts';

const say = (line = '') => process.stdout.write(`${line}\n`);

/** A box of its own with a stand-in of its own, while one workflow runs. */
interface Demo {
  server: NemoServer;
  box: Box;
}

const WORKFLOWS = {
  quick: {
    about: 'Upload, one instruction, download.',
    session: 'per-file',
    async run({ box }: Demo) {
      await drop(box, 'holiday.mp4', 'compress this video to under 300kB without losing quality');
      return [await told(box, 'holiday.mp4')];
    },
  },
  batch: {
    about: 'Several files in one session, one by one, each with its own instruction and its own render.',
    session: 'per-folder',
    async run({ box }: Demo) {
      await drop(box, 'beach.mp4', 'compress this video to under 300kB');
      await drop(box, 'forest.mp4', 'compress this video to under 200kB, 240p');
      return [await told(box, 'beach.mp4'), await told(box, 'forest.mp4')];
    },
  },
  iterative: {
    about: 'A first cut, a look at it, and a refinement in the same session.',
    session: 'per-file',
    async run({ box }: Demo) {
      await drop(box, 'holiday.mp4', 'compress this video to under 300kB');
      const first = await told(box, 'holiday.mp4');
      await command(box, 'timeline');
      await command(box, 'ask', 'compress it to under 150kB, 240p');
      return [first, await told(box, 'holiday.mp4', 2)];
    },
  },
} as const;

async function drop(box: Box, name: string, words: string): Promise<void> {
  writeFileSync(`${box.inbox}/${name}.txt`, words);
  const source = box.drop(await footage('plain'), name);
  say(`dropped ${source} (${formatBytes(statSync(source).size)}) with the words "${words}"`);
}

async function command(box: Box, ...words: string[]): Promise<void> {
  say(`$ shrinkbox ${words.map(word => (word.includes(' ') ? `"${word}"` : word)).join(' ')}`);
  const { stdout, stderr } = await box.run(...words);
  for (const line of `${stdout}${stderr}`.trim().split('\n')) say(`  ${line}`);
}

/** Waits for a version of a file, and says what happened to it. */
async function told(box: Box, name: string, version = 1): Promise<JobDetail> {
  let job = await box.job(name);
  while (job.version < version) job = await box.job(name, 'queued', 'running', 'done', 'held', 'failed');
  job = await box.job(name);
  say(`${name}, job ${job.id}:`);
  for (const { at, event, note } of job.history)
    say(`  ${new Date(at).toISOString().slice(11, 19)}  ${event.padEnd(10)} ${note ?? ''}`.trimEnd());
  say(`  state    ${job.state}${job.reason ? `: ${job.reason}` : ''}`);
  if (job.facts['agent']) say(`  agent    ${job.facts['agent']}`);
  if (job.facts['claim link']) say(`  on site  ${job.facts['claim link']} (of the stand-in: it leads nowhere)`);
  say(`  before   ${formatBytes(job.source_bytes)}`);
  say(`  after    ${formatBytes(job.output_bytes ?? 0)}   ${job.output}`);
  return job;
}

async function show(name: keyof typeof WORKFLOWS): Promise<boolean> {
  const { about, session, run } = WORKFLOWS[name];
  const server = new NemoServer({ render: 'ffmpeg', renderMs: 1500 });
  const url = await server.start();
  const rules = [{ name: 'cloud', size: '300kB' }];
  const box = new Box({
    config: { engine: 'nemo', rules, nemo: { api_url: url, poll_interval: '500ms', session } },
  });
  try {
    say(`Workflow "${name}": ${about}`);
    say('This talks to a stand-in for the NemoVideo service on this machine: no account, no credits, no network.');
    await box.start();
    const startedAt = Date.now();
    const jobs = await run({ server, box });
    const seconds = ((Date.now() - startedAt) / 1000).toFixed(1);
    const { sessions, renders, messages, requests } = server;
    say(
      `in all   ${seconds}s, ${requests.length} requests, sessions ${sessions.size}, messages ${messages.length}, renders ${renders.size}`,
    );
    return jobs.every(({ state }) => state === 'done');
  } finally {
    await box.dispose();
    await server.stop();
    say('The folders of this demonstration are removed again.');
  }
}

const { values } = parseArgs({
  args: process.argv.slice(3),
  options: { workflow: { type: 'string', default: 'quick' } },
});
const { workflow } = values;
if (Object.hasOwn(WORKFLOWS, workflow)) {
  process.exitCode = (await show(workflow as keyof typeof WORKFLOWS)) ? 0 : 3;
} else {
  process.stderr.write(`There is no workflow "${workflow}": ${Object.keys(WORKFLOWS).join(', ')}.\n`);
  process.exitCode = 2;
}
