import { randomBytes } from 'node:crypto';
import { mkdir, readFile, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { cloudRefsOf } from '../../../src/core/job.ts';
import { eventually } from '../../support/eventually.ts';
import type { Dialect } from '../../support/nemo-server/sse.ts';
import { setUp, sameBytes } from './support.ts';

const DIALECTS: Dialect[] = [
  { kind: 'adk', casing: 'camel' },
  { kind: 'adk', casing: 'snake' },
  { kind: 'typed', casing: 'camel' },
];

describe('a file through the cloud', () => {
  it.each(
    DIALECTS.flatMap(dialect =>
      (['A', 'B'] as const).map(shape => ({
        dialect,
        shape,
        name: `${dialect.kind}, ${dialect.casing}, shape ${shape}`,
      })),
    ),
  )('comes out as it was rendered: $name', async ({ dialect, shape }) => {
    const { engine, server, order, job } = await setUp({ server: { dialect, shape } });
    const work = job();
    const candidate = await engine.run(order(), work.context);
    const [render] = server.renders.values();
    expect(await sameBytes(candidate.path, render?.path)).toBe(true);
    expect(candidate).toMatchObject({
      isSource: false,
      bytes: render?.bytes,
      expect: { maxBytes: 4000, durationS: undefined, videoCodecs: ['h264'] },
      how: 'in the cloud: Timeline (1 track): 1. Video: clip.mp4 (0-10s)',
    });
    expect(candidate.notes[0]).toMatch(/^the agent said: Compressed clip.mp4 as asked \(\d+ characters\)\.$/);
    expect(server.messages).toHaveLength(1);
  });

  it('is asked for in words made from the rule, or in those of the person', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    await engine.run(order({ job: 'job2', instruction: 'make it under 3kB, black and white' }), job().context);
    expect(server.messages).toEqual([
      expect.stringMatching(/^compress this video to under 4kB without losing quality/),
      'make it under 3kB, black and white; output MP4 (H.264)',
    ]);
  });

  it('has the attribution headers on every single request, and the token on every one but the first', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    expect(server.requests.length).toBeGreaterThan(7);
    expect(server.unattributed).toEqual([]);
    expect(server.requests[0]?.headers).toMatchObject({
      'x-skill-source': 'video-compressor-download',
      'x-skill-version': '1.0.0',
      'x-skill-platform': 'unknown',
    });
    const unsigned = server.requests.filter(({ authorization }) => authorization === undefined);
    expect(unsigned.map(({ path }) => path)).toEqual(['/api/auth/anonymous-token']);
  });

  it('never has the token sent to the host the result is fetched from', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    expect(server.fetches).toHaveLength(1);
    expect(server.fetches[0]?.authorization).toBeUndefined();
    expect(server.fetches[0]?.attributed).toBe(false);
  });

  it('is rendered from the draft exactly as the service wrote it, big integers and key order included', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    expect([...server.renders.values()]).toMatchObject([
      { verbatim: true, output: { format: 'mp4', quality: 'high' } },
    ]);
  });

  it('works with ids as bare numbers and the draft inside a string', async () => {
    const { engine, server, order, job } = await setUp({ server: { numericIds: true, draftAsString: true } });
    const work = job();
    await engine.run(order(), work.context);
    const [id] = server.sessions.keys();
    expect(work.facts['nemo session']).toBe(id);
    expect([...server.renders.values()]).toMatchObject([{ verbatim: true, session: id }]);
  });

  it('leaves the session, the timeline, what the agent said and the claim link in the job', async () => {
    const { engine, server, order, job } = await setUp();
    const work = job();
    await engine.run(order(), work.context);
    const [session] = server.sessions.values();
    expect(work.facts).toMatchObject({
      'nemo session': session?.id,
      'nemo task': session?.task,
      timeline: expect.stringContaining('Timeline (1 track)'),
      agent: expect.stringMatching(/^Compressed clip\.mp4/),
      'claim link': expect.stringMatching(/^https:\/\/nemovideo\.com\/workspace\/claim\?ct=clm_/),
    });
    expect(work.facts.agent).not.toMatch(/click|button/i);
  });

  it('waits for nothing when only the claim link is refused with 429 (was: all jobs waited)', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({
      match: { path: '/api/auth/claim-token' },
      status: 429,
      body: '{"detail":"slow down"}',
      headers: { 'retry-after': '600' },
    });
    const work = job();
    await engine.run(order(), work.context);
    expect(work.facts['claim link']).toBeUndefined();
    expect(server.requests.filter(({ path }) => path === '/api/auth/claim-token')).toHaveLength(1);
  });

  it('is done without a claim link when there is none to be had', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/auth/claim-token' }, status: 404, body: '{"detail":"Not Found"}' });
    const work = job();
    await engine.run(order(), work.context);
    expect(work.facts['claim link']).toBeUndefined();
  });

  it('tells the language it speaks when it opens the session', async () => {
    const { server, restart, order, job } = await setUp();
    await restart({ nemo: { language: 'zh-CN' } }).run(order(), job().context);
    expect(server.requests.find(({ path }) => path.startsWith('/api/tasks'))?.body).toBe(
      '{"task_name":"project","language":"zh-CN"}',
    );
    expect(server.messages[0]).toMatch(/^把这个视频压缩到4kB以内/);
  });

  it('shows progress that only grows, from the upload to the download', async () => {
    const { engine, order, job } = await setUp();
    const work = job();
    await engine.run(order(), work.context);
    expect(work.fractions).toEqual([...work.fractions].sort((a, b) => a - b));
    expect(work.fractions.at(-1)).toBe(1);
    expect(work.notes).toEqual(expect.arrayContaining(['uploading', 'editing the timeline', 'downloading']));
  });

  it('stops on request, with all its HTTP requests', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ end: 'hang' });
    const work = job();
    const ran = engine.run(order(), work.context);
    const ended = expect(ran).rejects.toMatchObject({ code: 'cancelled' });
    await eventually(() => work.notes.includes('editing the timeline'));
    work.stop.abort({ kind: 'stopping' });
    await ended;
  });
});

describe('the upload', () => {
  it('is one form field "files" with the name and type of the file', async () => {
    const { engine, server, order, job } = await setUp({ name: 'a "quoted" 视频.MOV' });
    await engine.run(order(), job().context);
    const [session] = server.sessions.values();
    expect(session?.files).toMatchObject([{ name: 'a "quoted" 视频.MOV', type: 'video/quicktime', bytes: 5000 }]);
    expect(await readFile(session?.files[0]?.path ?? '', 'latin1')).toBe('v'.repeat(5000));
  });

  it('arrives byte for byte, also where the service takes it slowly', async () => {
    const content = randomBytes(9_000_123);
    const { engine, server, order, job } = await setUp({ content, server: { slowUploadsMs: 1 } });
    const target = { audio: { kind: 'keep' as const }, quality: 'auto' as const, minSaving: 0 };
    await Promise.all(['a', 'b'].map(name => engine.run(order({ job: name, target }), job().context)));
    for (const { files } of server.sessions.values()) {
      expect((await readFile(files[0]?.path ?? '')).equals(content)).toBe(true);
    }
  });

  it('starts again after a cut', async () => {
    const { engine, server, order, job } = await setUp({ content: Buffer.alloc(3_000_000, 'v') });
    server.fault({ match: { path: '/api/upload-video' }, hangUp: { uploadByte: 500_000 } });
    await engine.run(
      order({
        target: { size: { kind: 'bytes', bytes: 100_000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
      }),
      job().context,
    );
    const [session] = server.sessions.values();
    expect(session?.files).toMatchObject([{ bytes: 3_000_000 }]);
    expect(server.count('POST', /upload-video/)).toBe(2);
  });

  it('is not repeated when it arrived and only the answer was lost', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/upload-video' }, hangUp: 'after' });
    await engine.run(order(), job().context);
    expect(server.count('POST', /upload-video/)).toBe(1);
  });

  it.each([
    ['a 502', { status: 502, body: '<html>' }, 'unreachable'],
    ['hang-ups', { hangUp: { uploadByte: 1 } }, 'unreachable'],
  ])('waits in the queue when it meets %s twice', async (_, fault, code) => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/upload-video' }, times: 9, ...fault });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code });
    expect(server.count('POST', /upload-video/)).toBe(2);
    expect(server.messages).toEqual([]);
  });

  it('is searched for in the session before the agent gets the instruction, if the service is not sure of it', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({
      match: { path: '/api/upload-video' },
      carryOut: true,
      body: '{"code":0,"data":{"files":[],"session_state_applied":false}}',
    });
    await engine.run(order(), job().context);
    const paths = server.requests.map(({ path }) => path);
    expect(paths.findIndex(path => path.startsWith('/api/state'))).toBeLessThan(paths.indexOf('/run_sse'));
  });

  it('is refused here for a format the service does not take, before anything is sent', async () => {
    const { engine, server, order, job } = await setUp({ name: 'clip.m4v' });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'unsupported-file',
      hint: expect.stringContaining('webm'),
    });
    expect(server.count('POST', /upload-video|tasks/)).toBe(0);
  });

  it('is refused here over the limit, with what to do', async () => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ nemo: { maxUpload: 4999 } });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'file-too-large',
      hint: expect.stringMatching(/Compress or trim.*oversize/),
    });
    expect(server.count('POST', /upload-video/)).toBe(0);
  });

  it.each([
    ['4001 unsupported', 415, '{"code":4001,"message":"unsupported"}', 'unsupported-file'],
    ['4002 too large', 413, '{"code":4002,"message":"too large"}', 'file-too-large'],
    ['413 of a gateway', 413, '<html>Request Entity Too Large</html>', 'file-too-large'],
    ['415', 415, '', 'unsupported-file'],
  ])('ends the job when the service refuses it: %s', async (_, status, body, code) => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/upload-video' }, status, body });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code });
    expect(server.messages).toEqual([]);
  });

  it('notices that the file became shorter meanwhile', async () => {
    const { engine, source, order, job } = await setUp();
    const asked = order();
    await truncate(source, 1000);
    await expect(engine.run(asked, job().context)).rejects.toMatchObject({ code: 'changed-underneath' });
  });

  it('notices that the file is gone', async () => {
    const { engine, source, order, job } = await setUp();
    await rm(source);
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'gone' });
  });

  it('gives up on a connection that stopped moving', async () => {
    const { restart, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/upload-video' }, times: 2, delayMs: 100_000_000 });
    await expect(restart({ timeouts: { stallMs: 60_000 } }).run(order(), job().context)).rejects.toMatchObject({
      code: 'unreachable',
    });
  });

  it('keeps to the rate allowed', async () => {
    const { restart, server, order, job } = await setUp({ content: Buffer.alloc(1_000_000, 'v') });
    const began = server.clock.now();
    await restart({ limits: { uploadRate: 10_000 } }).run(
      order({
        target: { size: { kind: 'bytes', bytes: 100_000 }, audio: { kind: 'keep' }, quality: 'auto', minSaving: 0 },
      }),
      job().context,
    );
    expect(server.clock.now() - began).toBeGreaterThan(100_000);
  });

  it.each([
    ['clip.url', '[InternetShortcut]\nURL=https://example.com/films/clip.mp4\n'],
    ['clip.webloc', '<plist><dict><key>URL</key><string>https://example.com/films/clip.mp4</string></dict></plist>'],
    ['clip.url.txt', 'https://example.com/films/clip.mp4\n'],
  ])('of a link (%s) is left to the service', async (name, content) => {
    const { engine, server, order, job } = await setUp({ name, content: Buffer.from(content) });
    const candidate = await engine.run(order(), job().context);
    expect(server.requests.find(({ path }) => path.startsWith('/api/upload-video'))?.headers['content-type']).toBe(
      'application/json',
    );
    expect([...server.sessions.values()][0]?.files).toMatchObject([{ name: 'clip.mp4' }]);
    expect(candidate.bytes).toBe(2048);
  });

  it('of a link that is no address (file:) is refused before the service is asked for a token', async () => {
    const { engine, server, order, job } = await setUp({
      name: 'clip.url',
      content: Buffer.from('URL=file:///etc/passwd'),
    });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({ code: 'cannot-do' });
    expect(server.requests).toEqual([]);
  });

  it('of a link needs a size that does not depend on the file', async () => {
    const { engine, order, job } = await setUp({
      name: 'clip.url',
      content: Buffer.from('URL=https://example.com/clip.mp4'),
    });
    const target = {
      size: { kind: 'share' as const, share: 0.25 },
      audio: { kind: 'keep' as const },
      quality: 'auto' as const,
      minSaving: 0,
    };
    await expect(engine.run(order({ target }), job().context)).rejects.toMatchObject({ code: 'cannot-do' });
  });

  it('of a link file without a link ends with what is missing', async () => {
    const { engine, order, job } = await setUp({ name: 'clip.url', content: Buffer.from('nothing') });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'cannot-do',
      hint: expect.stringContaining('URL='),
    });
  });
});

describe('the agent', () => {
  it('that says nothing is checked by its deeds', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ silent: true });
    const work = job();
    const candidate = await engine.run(order(), work.context);
    expect(candidate.notes).toEqual(['in the session: added Video: clip.mp4 (0-10s)']);
    expect(work.doubts).toEqual([]);
  });

  it('that answers and does nothing leaves the job to a person, with its words', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({
      apply: false,
      events: [{ say: 'Which codec would you like? Open the settings panel to choose.' }],
    });
    const work = job();
    await expect(engine.run(order(), work.context)).rejects.toMatchObject({
      code: 'cannot-do',
      message: 'the agent replied and changed nothing: "Which codec would you like?"',
    });
    expect(work.doubts).toEqual([]);
    expect(server.renders.size).toBe(0);
  });

  it('that asks is never answered by us', async () => {
    const { engine, server, order, job } = await setUp();
    const question = {
      type: 'ask_question',
      questions: [{ id: 'q', prompt: 'How small?', options: [{ id: 'a', label: '10MB' }] }],
    };
    server.scripts.push({ apply: false, events: [{ raw: `data: ${JSON.stringify(question)}\n\n` }] });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'cannot-do',
      message: expect.stringContaining('How small? (10MB)'),
    });
    expect(server.messages).toHaveLength(1);
  });

  it('that does nothing is not asked again by a restart, but by a person', async () => {
    const { engine, server, restart, order, job } = await setUp();
    server.scripts.push({ apply: false, events: [{ say: 'How small should it be?' }] });
    const first = job({ workDir: 'w' });
    await engine.run(order(), first.context).catch(() => {});
    await expect(restart().run(order(), job({ workDir: 'w', resume: first.records }).context)).rejects.toMatchObject({
      code: 'cannot-do',
    });
    expect(server.messages).toHaveLength(1);
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: first.records }).context);
    expect(server.messages).toHaveLength(2);
  });

  it('is said to be still working every two minutes', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ betweenMs: 100_000 });
    const work = job();
    await engine.run(order(), work.context);
    expect(work.notes.filter(note => note.startsWith('still working')).length).toBeGreaterThanOrEqual(4);
  });

  it('may be silent for longer than any other request may', async () => {
    const { restart, server, order, job } = await setUp({ speed: 100 });
    // Milliseconds of real time: the HTTP client's own timeouts are.
    const engine = restart({ timeouts: { silenceMs: 300 } });
    server.scripts.push({ beforeMs: 250_000 });
    const work = job();
    await engine.run(order(), work.context);
    expect(work.doubts).toEqual([]);
    server.fault({ match: { path: '/api/credits' }, times: 9, delayMs: 250_000 });
    await expect(engine.credits(new AbortController().signal)).rejects.toMatchObject({ code: 'unreachable' });
  });

  it('that forgets to close the stream after its reply is not waited for', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ end: 'hang' });
    const work = job();
    await engine.run(order(), work.context);
    // Heard to the end of either deadline it would be in doubt.
    expect(work.doubts).toEqual([]);
  });

  it('answering in one piece instead of a stream is understood', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({
      match: { path: '/run_sse' },
      carryOut: true,
      body: '[{"content":{"parts":[{"text":"Done."}]},"author":"nemo_agent"}]',
    });
    const candidate = await engine.run(order(), job().context);
    expect(candidate.notes[0]).toBe('the agent said: Done.');
  });

  it.each<[string, object, string]>([
    ['no credits', { status: 402, body: '{"code":2001,"message":"insufficient credits"}' }, 'out-of-credits'],
    ['no credits, with HTTP 200', { status: 200, body: '{"code":2001}' }, 'out-of-credits'],
    ['a plan', { status: 402, body: '{"detail":"upgrade"}' }, 'plan-blocked'],
    ['the body', { status: 422, body: '{"detail":[{"msg":"field required"}]}' }, 'bad-request'],
  ])('refusing the message because of %s ends the job without doubt', async (_, refuse, code) => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({ refuse: refuse as never });
    const work = job();
    await expect(engine.run(order(), work.context)).rejects.toMatchObject({ code });
    expect(work.doubts).toEqual([]);
    // Once that is mended, the message is sent: it was certainly not taken.
    await engine.run(order(), job({ resume: work.records }).context);
    expect(server.messages).toHaveLength(1);
  });

  it('running out of credits inside the stream, with nothing done yet, is a refusal as well', async () => {
    const { engine, server, order, job } = await setUp();
    server.scripts.push({
      apply: false,
      events: [{ heartbeat: 'typed' }, { error: 'insufficient credits', code: 2001 }],
    });
    const work = job();
    await expect(engine.run(order(), work.context)).rejects.toMatchObject({
      code: 'out-of-credits',
      hint: expect.stringMatching(/register\?bind=anon_/),
    });
    expect(work.doubts).toEqual([]);
  });

  it('tells people with an account of their own to top it up', async () => {
    const { server, restart, order, job } = await setUp({
      server: { tokens: { nmv_usr_mine: 'user_1' }, credits: 0, costPerMessage: 50 },
    });
    await expect(restart({ token: new Secret('nmv_usr_mine') }).run(order(), job().context)).rejects.toMatchObject({
      code: 'out-of-credits',
      hint: expect.stringContaining('Top up credits in your account'),
    });
    expect(server.messages).toEqual([]);
  });
});

describe('the session', () => {
  it('is the file’s own', async () => {
    const { engine, server, order, job } = await setUp();
    await engine.run(order(), job().context);
    await engine.run(order({ job: 'job2' }), job().context);
    expect(server.sessions.size).toBe(2);
  });

  it('of its own, a result is not given up for a list of shared ones (was: rendered again when the disk was full)', async () => {
    const { engine, order, job, dir } = await setUp();
    // Cannot be read as a file.
    await mkdir(join(dir, 'nemo-sessions.json'));
    await engine.run(order({ folder: '/inbox' }), job().context);
  });

  it('is shared by a folder where so configured, one file at a time, each with its own words and render', async () => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ nemo: { session: 'per-folder' } });
    const jobs = ['a', 'b', 'c'].map(name =>
      engine.run(order({ job: name, folder: '/inbox', instruction: `make ${name} small` }), job().context),
    );
    await Promise.all(jobs);
    expect(server.sessions.size).toBe(1);
    expect(server.renders.size).toBe(3);
    // Which of them comes first, and so keeps the plain name, is not settled.
    const named = server.messages.map(words => /"(clip(?:-\d)?\.mp4)": make (.) small; (.*)$/.exec(words) ?? []);
    expect(named.map(([, file]) => file)).toEqual(['clip.mp4', 'clip-2.mp4', 'clip-3.mp4']);
    expect(new Set(named.map(([, , name]) => name))).toEqual(new Set(['a', 'b', 'c']));
    expect(new Set(named.map(([, , , rest]) => rest))).toEqual(new Set(['under 4kB, output MP4 (H.264)']));
    const kinds = server.requests
      .filter(({ path }) => /upload-video|run_sse|lambda$/.test(path))
      .map(({ path }) => path.split('/')[path.startsWith('/run') ? 1 : 2]);
    expect(kinds).toEqual([
      'upload-video',
      'run_sse',
      'render',
      'upload-video',
      'run_sse',
      'render',
      'upload-video',
      'run_sse',
      'render',
    ]);
    // Known again after a restart.
    await restart({ nemo: { session: 'per-folder' } }).run(order({ job: 'd', folder: '/inbox' }), job().context);
    await engine.run(order({ job: 'e', folder: '/other' }), job().context);
    expect(server.sessions.size).toBe(2);
  });

  it('of a folder is not waited for by a job that is cancelled', async () => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ nemo: { session: 'per-folder' } });
    server.scripts.push({ end: 'hang', events: [{ call: 'x' }] });
    const first = job();
    const hanging = engine.run(order({ job: 'a', folder: '/inbox' }), first.context).catch(() => {});
    await eventually(() => server.messages.length === 1);
    const second = job();
    const waiting = expect(engine.run(order({ job: 'b', folder: '/inbox' }), second.context)).rejects.toMatchObject({
      code: 'cancelled',
    });
    second.stop.abort({ kind: 'cancelled' });
    await waiting;
    first.stop.abort({ kind: 'cancelled' });
    await hanging;
  });

  it('of a folder is left alone when a job stopped half-way in it', async () => {
    const { server, restart, order, job } = await setUp();
    const engine = restart({ nemo: { session: 'per-folder' } });
    server.scripts.push({ apply: false, events: [{ say: 'What shall I do?' }] });
    await engine.run(order({ job: 'a', folder: '/inbox' }), job().context).catch(() => {});
    await engine.run(order({ job: 'b', folder: '/inbox' }), job().context);
    expect(server.sessions.size).toBe(2);
  });

  it('gone before anything was asked in it is replaced by a new one', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/run_sse' }, status: 404, body: '{"detail":"Session not found"}' });
    await engine.run(order(), job().context);
    expect(server.sessions.size).toBe(2);
    expect(server.messages).toHaveLength(1);
  });

  it('gone after something was asked in it is for a person to decide', async () => {
    const { engine, server, restart, order, job } = await setUp();
    server.fault({
      match: { path: /^\/api\/state/ },
      nth: 2,
      times: 9,
      status: 200,
      body: '{"code":1002,"message":"session not found"}',
    });
    const first = job({ workDir: 'w' });
    await expect(engine.run(order(), first.context)).rejects.toMatchObject({
      code: 'session-gone',
      hint: expect.stringContaining('sent again'),
    });
    expect(server.messages).toHaveLength(1);
    server.faults.clear();
    await expect(restart().run(order(), job({ workDir: 'w', resume: first.records }).context)).rejects.toMatchObject({
      code: 'session-gone',
    });
    expect(server.messages).toHaveLength(1);
    await restart().run(order({ retryCount: 1 }), job({ workDir: 'w', resume: first.records }).context);
    expect(server.messages).toHaveLength(2);
    expect(server.sessions.size).toBe(2);
  });

  it('without a state yet is taken as empty', async () => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: /^\/api\/state/ }, status: 404, body: '{"detail":"Not Found"}' });
    await engine.run(order(), job().context);
    expect(server.messages).toHaveLength(1);
  });

  it.each([
    ['no session in the answer', { body: '{"code":0,"data":{}}' }],
    ['the wrong address', { status: 404, body: '{"detail":"Not Found"}' }],
  ])('that cannot be opened says so: %s', async (_, fault) => {
    const { engine, server, order, job } = await setUp();
    server.fault({ match: { path: '/api/tasks' }, times: 9, ...fault });
    await expect(engine.run(order(), job().context)).rejects.toMatchObject({
      code: 'bad-answer',
      hint: expect.stringContaining('NEMO_API_URL'),
    });
  });
});

describe('a further version', () => {
  async function firstVersion() {
    const stand = await setUp();
    const work = stand.job();
    await stand.engine.run(stand.order(), work.context);
    return { ...stand, previous: { cloud: cloudRefsOf(work.facts) } };
  }

  it('is asked for in the kept session, without a new upload', async () => {
    const { engine, server, order, job, previous } = await firstVersion();
    const candidate = await engine.run(order({ job: 'job2', previous, instruction: 'now in 720p' }), job().context);
    expect(server.sessions.size).toBe(1);
    expect(server.count('POST', /upload-video/)).toBe(1);
    expect(server.messages.at(-1)).toBe('now in 720p');
    expect(candidate.bytes).toBe(2048);
  });

  it('of just "export 720p" is rendered again and no message is sent', async () => {
    const { engine, server, order, job, previous } = await firstVersion();
    await engine.run(order({ job: 'job2', previous, instruction: '导出720p' }), job().context);
    expect(server.messages).toHaveLength(1);
    expect([...server.renders.values()].at(-1)?.output).toEqual({ format: 'mp4', quality: 'high', resolution: '720p' });
  });

  it('is rendered without the wish when the service does not know it', async () => {
    const { engine, server, order, job, previous } = await firstVersion();
    server.fault({ match: { path: /lambda$/ }, status: 422, body: '{"detail":[{"msg":"resolution not permitted"}]}' });
    await engine.run(order({ job: 'job2', previous, instruction: 'export 720p' }), job().context);
    expect([...server.renders.values()].at(-1)?.output).toEqual({ format: 'mp4', quality: 'high' });
  });

  it.each([
    ['积分', /^100 credits available, 0 reserved, 100 in total$/],
    ['show tracks', /^Timeline \(1 track\): 1\. Video: clip\.mp4/],
  ])('of a question (%s) is the answer and no video', async (instruction, answer) => {
    const { engine, server, order, job, previous } = await firstVersion();
    await expect(engine.run(order({ job: 'job2', previous, instruction }), job().context)).rejects.toMatchObject({
      code: 'cannot-do',
      message: expect.stringMatching(answer),
    });
    expect(server.messages).toHaveLength(1);
  });

  it('whose session is gone is not asked for in an empty one', async () => {
    const { engine, server, order, job, previous } = await firstVersion();
    server.sessions.clear();
    await expect(
      engine.run(order({ job: 'job2', previous, instruction: 'now in 720p' }), job().context),
    ).rejects.toMatchObject({ code: 'session-gone' });
    expect(server.messages).toEqual([]);
  });

  it('that the agent did not make is not the old one again', async () => {
    const { engine, server, order, job, previous } = await firstVersion();
    server.scripts.push({ apply: false, events: [{ say: 'It is 720p already.' }] });
    await expect(
      engine.run(order({ job: 'job2', previous, instruction: 'now in 720p' }), job().context),
    ).rejects.toMatchObject({ code: 'cannot-do' });
    expect(server.renders.size).toBe(1);
  });
});

describe('a fresh file whose words are a question', () => {
  it('is made smaller by the rule, and has the answer in its record', async () => {
    const { engine, server, order, job } = await setUp();
    const work = job();
    await engine.run(order({ instruction: 'credits' }), work.context);
    expect(work.facts.credits).toBe('100 credits available, 0 reserved, 100 in total');
    expect(server.messages[0]).toMatch(/^compress this video/);
  });
});
