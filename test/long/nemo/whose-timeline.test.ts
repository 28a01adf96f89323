import { expect, it } from 'vitest';
import { batch } from '../../engine/nemo/batch.ts';

it('a session of several files is asked for a file once, however often shrinkbox is killed on the way', async () => {
  const { runA, runB, rendered, server, job } = await batch();
  await runB();
  const whole = await runA('make it brighter').then(work => work.journal.length);
  const rendersPerRun = 1;
  for (let dieAfter = 1; dieAfter <= whole; dieAfter += 1) {
    await runB();
    const before = { messages: server.messages.length, renders: rendered().length };
    const first = job({ about: 'a', workDir: `kill${dieAfter}`, dieAfter });
    await runA('make it brighter', {}, first).catch(() => {});
    const second = job({ about: 'a', workDir: `kill${dieAfter}`, resume: first.records });
    await runA('make it brighter', {}, second).catch((error: unknown) => {
      // Killed between the intent and the request: a person decides.
      expect(error).toMatchObject({ code: 'unconfirmed' });
    });
    expect(server.messages.length - before.messages).toBeLessThanOrEqual(1);
    expect(rendered().slice(before.renders)).toSatisfy((names: string[]) => names.every(name => name === 'a.mp4'));
    expect(rendered().length - before.renders).toBeLessThanOrEqual(rendersPerRun);
  }
});
