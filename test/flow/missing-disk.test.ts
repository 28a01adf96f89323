import { mkdirSync, rmSync } from 'node:fs';
import { afterEach, expect, it } from 'vitest';
import { Box } from '../support/box.ts';
import { footage } from '../support/footage.ts';

let box: Box;
afterEach(() => box.dispose());

it('an outbox that vanished makes jobs wait, and they go on when it is back', async () => {
  box = new Box();
  await box.start();
  await box.post('/api/pause');
  box.drop(await footage('plain'), 'clip.mp4');
  await box.job('clip.mp4', 'queued');
  rmSync(box.outbox, { recursive: true });
  await box.post('/api/resume');
  const waiting = await box.job('clip.mp4', 'waiting');
  expect(waiting.reason).toMatch(/outbox/);
  mkdirSync(box.outbox);
  expect((await box.run('retry', waiting.id)).code).toBe(0);
  await box.job('clip.mp4', 'done');
  expect(box.outputs()).toEqual(['clip.mp4']);
});
