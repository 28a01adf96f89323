/** What people ask for after a job was begun: other words, the end of it, and that not; and what they have done at its end. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../../support/box.ts';
import { eventually } from '../../support/eventually.ts';
import { footage } from '../../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

const held = async () => (await box.jobs()).filter(({ state }) => state === 'held' || state === 'failed');

it('a held job takes other words, and needs nobody any more; its result has the plain name', async () => {
  box = new Box({ config: { rules: [{ name: 'tiny', size: '3kB' }] } });
  await box.start();
  box.drop(await footage('plain'), 'clip.mp4');
  const { id } = await box.job('clip.mp4', 'held');
  const asked = await box.run('ask', 'at most 300kB', '--job', id);
  expect(asked.stdout).toContain(`queued as job ${id}`);
  await box.job('clip.mp4', 'done');
  // The report on the failure goes a moment after.
  await expect.poll(() => box.outputs()).toEqual(['clip.mp4']);
  expect(await held()).toEqual([]);
});

it('a job that is cancelled and taken back goes on where it was, after a restart too', async () => {
  box = new Box({ config: { rules: [{ name: 'all', size: '300kB' }] } });
  await box.start();
  const { id } = await cancelledInPass2('one.mp4');
  expect(existsSync(join(box.dir, 'state/work', id))).toBe(true);
  await box.kill('SIGKILL');
  await box.start();
  expect(await box.job('one.mp4')).toMatchObject({ state: 'cancelled', undo_until: expect.any(Number) });
  expect(existsSync(join(box.dir, 'state/work', id))).toBe(true);
  await box.post(`/api/jobs/${id}/retry`);
  await box.job('one.mp4', 'done');
  const after = box.journal().slice(box.journal().findIndex(({ event }) => event === 'cancelled'));
  const steps = after.flatMap(({ event, data }) => (event === 'step' ? [String(data['stepId'])] : []));
  expect(steps).not.toContain('pass-1');
  expect(steps).toContain('pass-2');
  // Its working files go a moment after.
  await expect.poll(() => existsSync(join(box.dir, 'state/work', id)), { timeout: 10_000 }).toBe(false);
});

async function cancelledInPass2(name: string): Promise<{ id: string }> {
  box.drop(await footage('plain'), name);
  const inPass2 = () => box.journal().find(({ event, data }) => event === 'step' && data['stepId'] === 'pass-2')?.job;
  const id = await eventually(() => inPass2() ?? undefined, { what: 'pass 2', withinMs: 60_000 });
  await box.post(`/api/jobs/${id}/cancel`);
  await box.job(name, 'cancelled');
  return { id };
}

it('a command that a kill cut off is not run again, and the job says so', async () => {
  box = new Box({ config: { rules: [{ name: 'all', size: '300kB' }] } });
  const log = join(box.dir, 'log');
  const script = join(box.dir, 'tell');
  writeFileSync(script, `#!/bin/sh\nread -r job; echo "$job" >> ${log}; test -e ${log}.go || sleep 100\n`, {
    mode: 0o755,
  });
  box.configure({ rules: [{ name: 'all', size: '300kB' }], after: [{ run: [script] }] });
  await box.start();
  box.drop(await footage('plain'), 'one.mp4');
  const { id } = await box.job('one.mp4', 'done');
  const lines = () => (existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : []);
  await eventually(() => lines().length === 1, { what: 'the command', withinMs: 20_000 });
  await box.kill('SIGKILL');
  writeFileSync(`${log}.go`, '');
  await box.start();
  box.drop(await footage('plain'), 'two.mp4');
  await box.job('two.mp4', 'done');
  await eventually(() => lines().length === 2, { what: 'the command for the second', withinMs: 20_000 });
  expect(lines().map(line => JSON.parse(line).relative)).toEqual(['one.mp4', 'two.mp4']);
  expect((await box.run('job', id)).stdout).toMatch(/the command tell failed: shrinkbox was stopped while it ran/);
});
