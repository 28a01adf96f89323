import { describe, expect, it } from 'vitest';
import { ShrinkError } from '../../../../src/core/errors.ts';
import { blamedOnHardware, HardwareDesk, HardwareGaveUp } from '../../../../src/engine/local/encode/hardware.ts';
import { nextMoves, type State } from '../../../../src/engine/local/encode/rate-control.ts';
import { nextStep } from '../../../../src/engine/local/plan/hardware.ts';
import type { HardwareEncoder } from '../../../../src/media/ffmpeg/hardware-args.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const VAAPI: HardwareEncoder = { name: 'h264_vaapi', kind: 'vaapi', codec: 'h264', modes: ['vbr'] };

describe('an encoder that fails', () => {
  it('three times in a row rests for an hour, whatever time it is made to be; then one more failure is enough', async () => {
    const clock = new FakeClock();
    const desk = new HardwareDesk([VAAPI], clock);
    for (let time = 0; time < 2; time += 1) desk.failed('h264_vaapi');
    expect(desk.encoderFor('h264')).toBe(VAAPI);
    desk.failed('h264_vaapi');
    expect(desk.encoderFor('h264')).toMatchObject({ code: 'local.hardware-rests' });
    clock.jump(7_200_000);
    expect(desk.encoderFor('h264')).toMatchObject({ code: 'local.hardware-rests' });
    await clock.advance(3_600_001);
    expect(desk.encoderFor('h264')).toBe(VAAPI);
    desk.failed('h264_vaapi');
    expect(desk.encoderFor('h264')).toMatchObject({ code: 'local.hardware-rests' });
  });

  it('now and then does not rest', () => {
    const desk = new HardwareDesk([VAAPI], new FakeClock());
    for (let time = 0; time < 5; time += 1) {
      desk.failed('h264_vaapi');
      desk.failed('h264_vaapi');
      desk.made({ job: 'job', retryCount: 0 }, 'h264_vaapi');
    }
    expect(desk.encoderFor('h264')).toBe(VAAPI);
  });

  it('rests as well when three results in a row are rejected', () => {
    const desk = new HardwareDesk([VAAPI], new FakeClock());
    for (const job of ['a', 'b', 'c']) {
      expect(desk.encoderFor('h264')).toBe(VAAPI);
      desk.made({ job, retryCount: 0 }, 'h264_vaapi');
      expect(desk.rejectedOf({ job, retryCount: 0 })).toBe('h264_vaapi');
      expect(desk.rejectedOf({ job, retryCount: 0 })).toBeUndefined();
    }
    expect(desk.encoderFor('h264')).toMatchObject({ code: 'local.hardware-rests' });
  });

  it('is not blamed for a result that somebody wants made once more', () => {
    const desk = new HardwareDesk([VAAPI], new FakeClock());
    for (const retryCount of [0, 1, 2, 3]) {
      expect(desk.rejectedOf({ job: 'a', retryCount })).toBeUndefined();
      desk.made({ job: 'a', retryCount }, 'h264_vaapi');
    }
    expect(desk.encoderFor('h264')).toBe(VAAPI);
  });

  it('is not blamed for a full disk or a cancelled job', () => {
    const of = (code: 'no-space' | 'cancelled' | 'child-failed' | 'child-stalled') =>
      blamedOnHardware(new ShrinkError(code, 'it failed'), VAAPI) instanceof HardwareGaveUp;
    expect(['no-space', 'cancelled', 'child-failed', 'child-stalled'].filter(code => of(code as 'cancelled'))).toEqual([
      'child-failed',
      'child-stalled',
    ]);
  });

  it('of another codec is said, not replaced', () => {
    const desk = new HardwareDesk([VAAPI], new FakeClock());
    expect(desk.encoderFor('av1')).toMatchObject({ code: 'local.hardware-not-codec' });
    expect(new HardwareDesk([], new FakeClock()).encoderFor('h264')).toBeUndefined();
  });
});

describe('whole steps of quality', () => {
  const first = { crf: 28, bytes: 1_000_000 };

  it('begin where the sample expects the bytes', () => expect(nextStep([], first, 1_000_000, false)).toBe(28));

  it('six halve the bytes', () => expect(nextStep([first], first, 500_000, false)).toBe(34));

  it('the last one gives no more than wanted, others the nearest', () => {
    expect(nextStep([first], first, 900_000, false)).toBe(29);
    expect(nextStep([], first, 970_000, false)).toBe(28);
    expect(nextStep([], first, 970_000, true)).toBe(29);
  });

  it('never repeat a step that is known', () => {
    expect(nextStep([first], first, 1_010_000, false)).toBe(27);
    expect(nextStep([first], first, 990_000, false)).toBe(29);
  });
});

describe('one pass at a bit rate', () => {
  const state = (tries: { askedBytes: number; bytes: number }[], rounds: number[]): State => ({
    budget: { capBytes: 1_000_000, fixedBytes: 0, durationS: 60 },
    segments: [{ durationS: 60, frames: 1500, weight: 1500, tries: tries.map((one, round) => ({ round, ...one })) }],
    rounds: rounds.length === 0 ? [{ from: 0 }] : rounds.map(bytes => ({ from: 0, bytes })),
    onePass: true,
  });

  it('begins at 99 % of the room', () => {
    expect(nextMoves(state([], []))).toMatchObject([{ kind: 'encode', askedBytes: 990_000 }]);
  });

  it('is scaled by what came out', () => {
    const tried = { ...state([{ askedBytes: 990_000, bytes: 1_100_000 }], [1_100_000]) };
    expect(nextMoves(tried)).toMatchObject([{ kind: 'round' }]);
    const again = { ...tried, rounds: [...tried.rounds, { from: 0 }] };
    expect(nextMoves(again)).toMatchObject([
      { kind: 'encode', askedBytes: Math.floor((990_000 * 994_000) / 1_100_000) },
    ]);
  });

  it('ends after three attempts, with the best of them or none', () => {
    const over = [1_100_000, 1_050_000, 1_020_000];
    const asked = over.map((bytes, at) => ({ askedBytes: 990_000 - at * 50_000, bytes }));
    expect(nextMoves(state(asked, over))).toEqual([{ kind: 'give-up' }]);
    const under = [1_100_000, 950_000, 960_000];
    expect(nextMoves(state(asked, under))).toEqual([{ kind: 'done', round: 2 }]);
  });
});
