import { expect, it } from 'vitest';
import { isShrinkError } from '../../../src/core/errors.ts';
import type { Candidate, Json } from '../../../src/core/job.ts';
import { inChinese } from '../../../src/messages/zh/index.ts';
import { setUp } from './support.ts';

function notesInChinese({ notes, messages }: Candidate): string[] {
  return notes.map((note, n) => {
    const message = messages?.notes?.[n];
    return (message && inChinese(message)) ?? note;
  });
}

it('what changed in the session stayed English on the Chinese page, also after a restart', async () => {
  const { engine, restart, order, job } = await setUp();
  const first = job({ workDir: 'w' });
  const candidate = await engine.run(order(), first.context);
  const changed = expect.stringMatching(/^会话中的变化：新增 Video: clip\.mp4 \(0-10s\)$/);
  expect(notesInChinese(candidate)).toContainEqual(changed);
  expect(first.factCodes).toMatchObject({ timeline: 'nemo.change-report', agent: undefined });
  const again = await restart().run(order(), job({ workDir: 'w', resume: first.records }).context);
  expect(again.notes).toEqual(candidate.notes);
  expect(notesInChinese(again)).toEqual(notesInChinese(candidate));
});

it('an error that the service reports after the change was made is noted (was: nothing said that the credits are gone)', async () => {
  const { engine, server, order, job } = await setUp({ speed: 1500 });
  server.scripts.push({ events: [{ call: 'edit_multitrack' }, { error: 'insufficient credits', code: 2001 }] });
  const candidate = await engine.run(order(), job().context);
  expect(server.messages).toHaveLength(1);
  expect(candidate.notes).toContainEqual(
    'the change was made, though the service reported an error: sending the instruction: the account has no credits left',
  );
  expect(notesInChinese(candidate)).toContainEqual(
    expect.stringMatching(/^修改已完成，但服务报告了错误：.*积分已用完$/),
  );
});

it('records of earlier versions, which hold what changed as English alone, are read as they are', async () => {
  const { engine, restart, order, job } = await setUp();
  const first = job({ workDir: 'w' });
  const candidate = await engine.run(order(), first.context);
  const { changeCodes: _, ...message } = first.records['message.1'] as Record<string, Json>;
  const resume = { ...first.records, 'message.1': message };
  const again = await restart().run(order(), job({ workDir: 'w', resume }).context);
  expect(again.notes).toEqual(candidate.notes);
  expect(notesInChinese(again)).toContainEqual(expect.stringMatching(/^会话中的变化：added Video: clip\.mp4/));
});

it('why a render failed is said in Chinese after a restart', async () => {
  const { server, engine, order, job } = await setUp();
  server.failRenders = 2;
  const first = job({ workDir: 'w' });
  const failing = (work = first) =>
    engine.run(order(), work.context).then(
      () => undefined,
      (error: unknown) => (isShrinkError(error) ? error.messages.text : undefined),
    );
  await failing();
  const render = first.records['render.1'] as Record<string, Json>;
  expect(render).toMatchObject({ phase: 'failed', why: 'lambda ran out of memory' });
  const resume = {
    ...first.records,
    'render.1': { ...render, why: 'no reason given', whyCode: { code: 'nemo.no-reason-given' } },
  };
  expect(inChinese((await failing(job({ workDir: 'w', resume }))) ?? { code: '' })).toMatch(/未说明原因$/);
});
