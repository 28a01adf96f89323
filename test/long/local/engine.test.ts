import { execFile } from 'node:child_process';
import { chmod, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import type { Json } from '../../../src/core/job.ts';
import { cannotWrite } from '../../../src/media/ffmpeg/tools.ts';
import { activeChildren } from '../../../src/platform/process/run-child.ts';
import { verifyCandidate } from '../../../src/verify/verify.ts';
import { recordingContext } from '../../contract/engine.ts';
import { footage, footageCopy, realTools } from '../../support/footage.ts';
import { bytes, engineFor, inWorkDir, orderFor, refusal, share, shrink } from '../../engine/local/support.ts';
import { ownFile } from '../../../src/platform/files/files.ts';

afterEach(() => expect(activeChildren()).toEqual([]));

/** An ffmpeg of our own making, in front of the real one: `$real` goes on with it. */
async function fakeTools(directory: string, script: string) {
  const tools = await realTools();
  const path = join(directory, 'fake-ffmpeg');
  await writeFile(path, `#!/bin/sh\nreal() { exec '${tools.ffmpeg}' "$@"; }\n${script}\n`);
  await chmod(path, 0o755);
  return { ...tools, ffmpeg: path };
}

describe('into a size', () => {
  // Sizes nobody chose by hand, from generous to tight.
  it.each([0.07, 0.113, 0.19, 0.31, 0.447, 0.62, 0.83])(
    '%d of the source: never over, and filled where bits are of use',
    async part => {
      const { candidate } = await shrink('silent', { ...share(part), quality: 'max' });
      const cap = candidate.expect.maxBytes ?? 0;
      expect(candidate.bytes).toBeLessThanOrEqual(cap);
      expect(candidate.bytes).toBeGreaterThan(cap * 0.97);
    },
  );

  it('a picture with no use for the bits stays smaller, and says so', async () => {
    const { candidate } = await shrink('still', share(0.9));
    expect(candidate.bytes).toBeLessThan((candidate.expect.maxBytes ?? 0) * 0.9);
    expect(candidate.how).toMatch(/would not be seen/);
  });

  it('with quality: max, does not stop at visually lossless', async () => {
    const auto = await shrink('silent', share(0.9));
    const full = await shrink('silent', { ...share(0.9), quality: 'max' });
    expect(auto.candidate.how).toMatch(/visually lossless/);
    expect(full.candidate.bytes).toBeGreaterThan(auto.candidate.bytes * 1.1);
  });

  it('a size that cannot be is said before anything is encoded, with one that can', async () => {
    const source = await footage('plain');
    await inWorkDir(async workDir => {
      const { context, recorded } = recordingContext({ workDir });
      const error = await refusal((await engineFor()).run(await orderFor(source, bytes(12_000)), context));
      expect(error.code).toBe('cannot-fit');
      expect(error.message).toMatch(
        /^plain.mp4 does not go into 12.0 kB: each of its 180 pictures needs a few bytes, and all need about \d/,
      );
      expect(recorded.steps).not.toContain('pass-1');
      const [, amount = '', unit = ''] = /at least ([\d.]+) (kB|MB)/.exec(error.hint ?? '') ?? [];
      const named = Number(amount) * (unit === 'MB' ? 1e6 : 1e3);
      const { candidate } = await shrink('plain', bytes(named));
      expect(candidate.bytes).toBeLessThanOrEqual(named);
    });
  });

  it('tight: the picture becomes smaller, and the note says from what to what', async () => {
    const { after, candidate } = await shrink('plain', share(0.06));
    expect(after.video.height).toBeLessThan(360);
    expect(candidate.notes.join()).toMatch(/picture made smaller, from 640x360 to \d+x\d+/);
  });

  it.for(['h265', 'av1'] as const)('%s lands below the size as well', async (codec, context) => {
    const why = cannotWrite(codec, await realTools());
    if (why) return context.skip(why.text);
    const { after, candidate } = await shrink('silent', { ...share(0.3), codec });
    expect(after.video.codec).toBe({ h265: 'hevc', av1: 'av1' }[codec]);
    expect(candidate.bytes).toBeLessThanOrEqual(candidate.expect.maxBytes ?? 0);
  });

  it('a codec this ffmpeg cannot write is replaced by the one that plays everywhere, and a note says why', async () => {
    const tools = { ...(await realTools()), encoders: new Set(['libx264', 'aac', 'mov_text']) };
    const options = { engine: { tools } };
    const { after, candidate } = await shrink('silent', { ...share(0.3), codec: 'av1' }, () => {}, options);
    expect(after.video.codec).toBe('h264');
    expect(candidate.notes.join()).toMatch(/H.264 instead of av1, which was requested: .* built without libsvtav1/);
  });
});

/** Shortens the edit list of the first track by so many seconds. */
async function hideTheEnd(path: string, seconds: number): Promise<void> {
  const file = await readFile(path);
  const timescale = file.readUInt32BE(file.indexOf('mvhd') + 4 + 4 + 8);
  const entry = file.indexOf('elst') + 4 + 4 + 4;
  file.writeUInt32BE(file.readUInt32BE(entry) - Math.round(seconds * timescale), entry);
  await writeFile(path, file);
}

describe('work that was done in this run', () => {
  it('is not done twice: a noisy AVI of msmpeg4 with only a resolution asked for is sampled once', async () => {
    const source = await footage('noisyMsmpeg4');
    await inWorkDir(async workDir => {
      const list = join(workDir, 'samples.list');
      await writeFile(list, '');
      const tools = await fakeTools(workDir, `case "$*" in *framecrc*) echo sampled >> '${list}';; esac\nreal "$@"`);
      const { context, recorded } = recordingContext({ workDir });
      const engine = await engineFor({ tools });
      await engine.run(await orderFor(source, { resolution: { kind: 'lines', lines: 1080 } }), context);
      // First as good as the source, which comes out larger than it; then into its own size.
      expect(recorded.steps).toContain('pass-2');
      expect(await readFile(list, 'utf8')).toBe('sampled\n');
    });
  });
});

describe('without loss', () => {
  it('what fits is copied: the same frames, a fast start, no larger', async () => {
    const { candidate, before, after, recorded } = await shrink('plain', bytes(50_000_000));
    expect(candidate.how).toBe('copied without loss: it already fits: 1.86 MB of 50.0 MB');
    expect(candidate.bytes).toBeLessThanOrEqual(before.bytes);
    expect(after.video.bytes).toBe(before.video.bytes);
    expect(recorded.steps).not.toContain('sample');
  });

  it('of a phone, with a frame hidden at its end, too: HDR that fits must not be lost to a re-encode', async context => {
    const { ffmpeg, encoders } = await realTools();
    if (!encoders.has('libx264')) return context.skip('no encoder to make the clip with');
    await inWorkDir(async directory => {
      const whole = await footage('plain');
      const cut = join(directory, 'cut.mp4');
      // A copy that ends between two frames that are stored in another order: the last one is there, and hidden.
      const args = ['-v', 'error', '-nostdin', '-i', whole, '-c', 'copy', '-map', '0', cut];
      await promisify(execFile)(ffmpeg, args);
      await hideTheEnd(cut, 0.05);
      const { candidate, before } = await shrink({ path: cut }, bytes(50_000_000));
      expect(before.video.hiddenFrames).toBeGreaterThan(0);
      expect(candidate.how).toMatch(/^copied without loss/);
      expect(candidate.notes.join()).toMatch(/at the end that the source hides/);
    });
  });

  it('a source with damaged spots is not passed on as it is, but encoded, and says why', async () => {
    const { candidate } = await shrink('damaged', bytes(50_000_000));
    expect(candidate.notes).toContain('re-encoded, because the source has damaged spots');
  });

  it('no size asked for: smaller and visually lossless', async () => {
    const { candidate, before } = await shrink('plain', {});
    expect(candidate.how).toMatch(/visually lossless quality \(CRF 20\)/);
    expect(candidate.bytes).toBeLessThan(before.bytes * 0.95);
  });

  it('no size asked for, and nothing to be gained: a copy', async () => {
    const { candidate, before, after } = await shrink('plain', { minSaving: 0.6 });
    expect(candidate.how).toMatch(/^copied without loss: .* save less than 60 %/);
    expect(after.video.bytes).toBe(before.video.bytes);
  });

  it('no size asked for, nothing to be gained, and no copy possible: its own size, never more', async () => {
    const small = await shrink('msmpeg4', { size: { kind: 'share', share: 0.1 } }, async ({ candidate }) => {
      // A source already squeezed hard, in a codec that MP4 cannot carry.
      const { ffmpeg } = await realTools();
      const squeezed = join(candidate.path, '../squeezed.avi');
      await promisify(execFile)(ffmpeg, [
        '-v',
        'error',
        '-i',
        candidate.path,
        '-c:v',
        'msmpeg4',
        '-q:v',
        '20',
        '-an',
        squeezed,
      ]);
      const { candidate: again } = await shrink({ path: squeezed }, {});
      expect(again.bytes).toBeLessThanOrEqual((await stat(squeezed)).size);
    });
    expect(small.candidate.bytes).toBeGreaterThan(0);
  });

  it('a tiny MP4 that repackaging would make larger is delivered as it is', async () => {
    const source = await footage('tiny');
    await inWorkDir(async workDir => {
      const lean = join(workDir, 'lean.mp4');
      const { ffmpeg } = await realTools();
      const args = [
        '-v',
        'error',
        '-i',
        source,
        '-c',
        'copy',
        '-map_metadata',
        '-1',
        '-fflags',
        '+bitexact',
        '-chunk_duration',
        '5000000',
        lean,
      ];
      await promisify(execFile)(ffmpeg, args);
      // Names of tracks and the like are gone already: nothing is left to save.
      const { candidate } = await shrink({ path: lean }, bytes(10_000_000));
      expect(candidate).toMatchObject({ isSource: true, path: lean, bytes: (await stat(lean)).size });
      expect(candidate.how).toMatch(/^the file itself: it already fits/);
    });
  });
});

describe('when something fails', () => {
  it('a child that stands still is ended and counted as stalled', async () => {
    await inWorkDir(async workDir => {
      const tools = await fakeTools(
        workDir,
        'case "$*" in *"-pass 1"*) echo frame=1; exec sleep 1000;; *) real "$@";; esac',
      );
      const error = await refusal(shrink('silent', share(0.3), () => {}, { engine: { tools, stallMs: 700 } }));
      expect(error.code).toBe('child-stalled');
    });
  });

  it('a child that reports and reports without moving stands still all the same', async () => {
    await inWorkDir(async workDir => {
      const loop = 'while :; do echo frame=1; echo out_time_us=40; echo progress=continue; sleep 0.1; done';
      const tools = await fakeTools(workDir, `case "$*" in *"-pass 1"*) ${loop};; *) real "$@";; esac`);
      const error = await refusal(shrink('silent', share(0.3), () => {}, { engine: { tools, stallMs: 700 } }));
      expect(error.code).toBe('child-stalled');
    });
  });

  it('a full disk is distinguished from a bad source, and the work done before it is kept', async () => {
    await inWorkDir(async workDir => {
      const marker = join(workDir, 'full');
      await writeFile(marker, '');
      const full = 'echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1';
      const tools = await fakeTools(
        workDir,
        `if [ -e '${marker}' ]; then case "$*" in *"-pass 2"*) ${full};; esac; fi; real "$@"`,
      );
      const source = await footage('silent');
      const engine = await engineFor({ tools });
      const first = recordingContext({ workDir });
      const order = await orderFor(source, share(0.3));
      expect((await refusal(engine.run(order, first.context))).code).toBe('no-space');
      await rm(marker);
      const second = recordingContext({ workDir, resume: first.recorded.records });
      const candidate = await engine.run(order, second.context);
      expect(second.recorded.steps.slice(0, 2)).toEqual(['pass-2', 'join']);
      expect(candidate.bytes).toBeLessThanOrEqual(candidate.expect.maxBytes ?? 0);
    });
  });

  it('an ffmpeg that crashes is distinguished from one that refuses', async () => {
    await inWorkDir(async workDir => {
      const tools = await fakeTools(workDir, 'case "$*" in *"-pass 1"*) kill -SEGV $$;; *) real "$@";; esac');
      expect((await refusal(shrink('silent', share(0.3), () => {}, { engine: { tools } }))).code).toBe('child-killed');
    });
  });

  it('a source that only half decodes is not said to have come out smaller', async () => {
    await inWorkDir(async workDir => {
      // Every frame but the first few is dropped on the way in, as a decoder does that gives up.
      const tools = await fakeTools(
        workDir,
        'for a; do shift; case "$a" in *setsar=1,*) a="trim=end_frame=20,$a";; esac; set -- "$@" "$a"; done; real "$@"',
      );
      const error = await refusal(shrink('silent', share(0.3), () => {}, { engine: { tools } }));
      expect(error.code).toBe('incomplete-media');
      expect(error.message).toMatch(/only 20 of its 75 frames can be decoded/);
    });
  });

  it('nor is it said to be too short, where it also gets fewer frames a second', async () => {
    await inWorkDir(async workDir => {
      const source = await footageCopy('silent', workDir, 'source.mp4');
      const bytes = await readFile(source);
      // Most pictures are overwritten; the index stays.
      await writeFile(source, bytes.fill(0x5a, Math.floor(bytes.length * 0.3), Math.floor(bytes.length * 0.9)));
      const error = await refusal(shrink({ path: source }, { ...share(0.8), fps: 6 }));
      expect(error.message).toMatch(/is damaged: only \d+ of its 75 frames can be decoded/);
    });
  });
});

describe('taken up again', () => {
  async function interrupted(
    until: string,
    between: (workDir: string, records: Record<string, Json>) => Promise<void>,
  ) {
    return await inWorkDir(async workDir => {
      const source = await footageCopy('plain', workDir, 'source.mp4');
      const engine = await engineFor();
      const order = await orderFor(source, share(0.2));
      const stop = new AbortController();
      const first = recordingContext({
        workDir,
        signal: stop.signal,
        onStep: name => void (name === until && stop.abort()),
      });
      await refusal(engine.run(order, first.context));
      await between(workDir, first.recorded.records);
      const keys: string[] = [];
      const afterRecord = (key: string) => void keys.push(key);
      const second = recordingContext({ workDir, resume: first.recorded.records, afterRecord });
      const candidate = await engine.run(order, second.context);
      await verifyCandidate(candidate, { tools: await realTools() });
      // A first pass may be made again, and so may a second.
      return { steps: second.recorded.steps.filter((step, at, all) => step !== all[at - 1]), keys };
    });
  }

  it('continues with the step it was at', async () => {
    const first = async (until: string, steps: number) =>
      (await interrupted(until, async () => {})).steps.slice(0, steps);
    expect(await first('pass-2', 2)).toEqual(['pass-2', 'join']);
    expect(await first('audio', 4)).toEqual(['audio', 'pass-1', 'pass-2', 'join']);
  });

  it('does a step again whose files are gone or cut short', async () => {
    const { steps, keys } = await interrupted('pass-2', async workDir => {
      await rm(join(workDir, 'sound.mp4'));
      await writeFile(join(workDir, 'pass0-0.log'), (await readFile(join(workDir, 'pass0-0.log'))).subarray(0, 100));
    });
    expect(steps.slice(0, 3)).toEqual(['audio', 'pass-2', 'join']);
    // The first pass of this part alone, when its second needs it.
    expect(keys.indexOf('pass-1/0')).toBeGreaterThan(keys.indexOf('sound'));
  });

  it('starts from new under another ffmpeg: its statistics mean nothing to this one', async () => {
    const { steps } = await interrupted('pass-2', async (_workDir, records) => {
      for (const [key, value] of Object.entries(records))
        records[key] = JSON.parse(JSON.stringify(value).replaceAll(/\d+\.\d+\.\d+/g, '9.9.9'));
    });
    expect(steps[0]).toBe('probe');
    expect(steps).toContain('pass-1');
  });

  it('checkpoints of any other shape are ignored', async () => {
    const { steps } = await interrupted('pass-2', async (_workDir, records) => {
      for (const key of Object.keys(records)) records[key] = ['nonsense'];
    });
    expect(steps).toContain('pass-1');
  });
});

it('rests while the gate is closed, and finishes when it opens', async () => {
  await inWorkDir(async workDir => {
    const listeners = new Set<(closed: boolean) => void>();
    const gate = {
      closed: false,
      onChange(listener: (closed: boolean) => void) {
        listeners.add(listener);
        return () => void listeners.delete(listener);
      },
    };
    const turn = (closed: boolean) => {
      gate.closed = closed;
      for (const listener of listeners) listener(closed);
    };
    const { context, recorded } = recordingContext({ workDir, gate, onStep: name => name === 'sample' && turn(true) });
    const running = (await engineFor()).run(await orderFor(await footage('silent'), share(0.3)), context);
    await expect.poll(() => recorded.steps.at(-1), { timeout: 120_000 }).toBe('sample');
    // Nothing is started: the gate was closed before the child would have been.
    await expect.poll(() => activeChildren().length, { timeout: 120_000 }).toBe(0);
    turn(false);
    expect((await running).bytes).toBeGreaterThan(0);
    expect(listeners.size).toBe(0);
  });
});

it('leaves nothing in the work directory but what a later run needs', async () => {
  await inWorkDir(async workDir => {
    const { context } = recordingContext({ workDir });
    const candidate = await (await engineFor()).run(await orderFor(await footage('plain'), share(0.2)), context);
    const left = (await readdir(workDir)).toSorted();
    expect(left).toEqual([candidate.path.slice(workDir.length + 1), 'sound.mp4'].toSorted());
  });
});

it('explains itself without touching anything', async () => {
  const described = await (await engineFor()).describe?.(
    await orderFor(await footage('timecode'), share(0.5)),
    ownFile(await footage('timecode')),
    new AbortController().signal,
  );
  expect(described?.map(line => line.text)).toEqual([
    expect.stringMatching(/^source: \d+ kB, 3.0 s, 320x180 h264 at 25.00 frames per second$/),
    'sound: aac',
    expect.stringMatching(/^plan: h264 in at most \d+ kB: \d+ kB must become \d+ kB$/),
    expect.stringMatching(
      /^sound AAC 48 kb\/s mono: about [\d.]+ kB; MP4 tables: about [\d.]+ kB; [\d.]+ kB for the picture, \d+ kb\/s$/,
    ),
    expect.stringMatching(/^picture: 320x180, about CRF \d+; every frame is kept$/),
    expect.stringMatching(/^expected to look .*, in about \d+ kB$/),
    expect.stringMatching(
      /^h264 veryfast \(effort fast\), two passes; about [\d.]+s on this machine, as busy as it is now$/,
    ),
    'converted: sound track (aac, mono): AAC, mono',
    'dropped: time code (tmcd)',
  ]);
});
