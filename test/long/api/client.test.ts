/** The commands' side of the control socket, with a daemon that takes its time. */
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, onTestFinished, test } from 'vitest';
import { connectControl } from '../../../src/api/client.ts';
import { Box } from '../../support/box.ts';
import { serving } from '../../support/serving.ts';

test('an original that comes back from another disk may take longer than any other answer', async () => {
  const { stateDir, control } = await serving();
  control.add({ id: 'abc', state: 'done' });
  const client = await connectControl(stateDir, { answerMs: 20 });
  onTestFinished(() => client?.close());
  const restored = await control.restore('abc');
  control.restore = () => sleep(2_500, restored);
  control.retry = () => sleep(2_500, restored);
  expect(await client?.act('restore', 'abc')).toMatchObject({ ok: true });
  await expect(client?.act('retry', 'abc')).rejects.toMatchObject({ code: 'timed-out' });
});

/**
 * By the time it goes on, it has been silent for longer than a connection is kept, and the request waits unread: it closed the
 * connection first, and a restore of a whole library ended with "the daemon ended before it answered".
 */
test('a daemon that stands still for six seconds after an answer still answers the next request', async () => {
  const box = new Box();
  onTestFinished(() => box.dispose());
  await box.start();
  const client = await connectControl(box.state);
  onTestFinished(() => client?.close());
  await client?.status();
  process.kill(box.pid, 'SIGSTOP');
  const asked = client?.status();
  asked?.catch(() => {});
  await sleep(6_500);
  process.kill(box.pid, 'SIGCONT');
  expect(await asked).toMatchObject({ running: true });
});
