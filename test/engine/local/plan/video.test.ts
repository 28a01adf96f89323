import { describe, expect, it } from 'vitest';
import { frameRate, planPicture } from '../../../../src/engine/local/plan/video.ts';
import { facts } from '../facts.ts';
import { TARGET } from '../support.ts';

const ALL = { filters: new Set(['zscale', 'tonemap', 'bwdif', 'yadif']) };
const filters = (changes: Parameters<typeof facts>[0], scale = 1, target = TARGET, tools = ALL) =>
  planPicture(facts(changes), target, scale, tools).filters;

describe('filters', () => {
  it('a plain source is only brought to 8-bit 4:2:0', () => {
    expect(filters({})).toBe('setsar=1,format=yuv420p');
  });

  it('an odd size loses a row by cropping, not by scaling', () => {
    expect(filters({ video: { displayWidth: 1278, displayHeight: 717 } })).toBe(
      'crop=1278:716:0:0,setsar=1,format=yuv420p',
    );
  });

  it('anamorphic samples are scaled to square ones', () => {
    expect(filters({ video: { sampleAspect: 64 / 45, displayWidth: 1024, displayHeight: 576 } })).toMatch(
      /^scale=1024:576:flags=lanczos,/,
    );
  });

  it('shapes that change are all fitted into one size, not stretched', () => {
    const plan = filters({ video: { shapeChanges: 1 } }, 0.5);
    expect(plan).toMatch(
      /^scale=w='min\(640,if\(gt\(dar,640\/360\),640,.*:eval=frame:flags=lanczos,pad=640:360:.*:eval=frame,setsar=1/,
    );
  });

  it('HDR is made smaller before the costly tone mapping', () => {
    const plan = filters({ video: { hdr: 'hlg', color: { transfer: 'arib-std-b67' } } }, 0.5);
    expect(plan).toMatch(
      /^scale=640:360:flags=lanczos,zscale=tin=arib-std-b67.*tonemap=tonemap=hable.*,format=yuv420p$/,
    );
  });

  it('without zscale HDR keeps its tags', () => {
    const plan = planPicture(facts({ video: { hdr: 'pq' } }), TARGET, 1, { filters: new Set() });
    expect(plan.filters).toBe('setsar=1,format=yuv420p');
    expect(plan.colors).toContain('smpte2084');
  });

  it('fields are woven together with the better filter there is', () => {
    expect(filters({ video: { interlaced: true } })).toMatch(/^bwdif=/);
    expect(filters({ video: { interlaced: true } }, 1, TARGET, { filters: new Set(['yadif']) })).toMatch(/^yadif=/);
  });

  it('full range and RGB are converted, with the right tags', () => {
    expect(filters({ video: { pixelFormat: 'yuvj420p', color: { range: 'pc' } } })).toBe(
      'scale=in_range=pc:out_range=tv,setsar=1,format=yuv420p',
    );
    const rgb = planPicture(facts({ video: { pixelFormat: 'gbrp' } }), TARGET, 1, ALL);
    expect(rgb.filters).toMatch(/^scale=out_color_matrix=bt709:out_range=tv/);
    expect(rgb.colors).toContain('bt709');
  });

  it('an untagged HD source made SD-sized says what it is (players took it for BT.601)', () => {
    const colors = (source: ReturnType<typeof facts>, scale: number) => planPicture(source, TARGET, scale, ALL).colors;
    const sd = { width: 720, height: 576, displayWidth: 720, displayHeight: 576 };
    expect(colors(facts(), 0.5)).toEqual(expect.arrayContaining(['-colorspace', 'bt709']));
    expect(colors(facts(), 1)).not.toContain('-colorspace');
    expect(colors(facts({ video: sd }), 0.5)).not.toContain('-colorspace');
  });

  it('tags that an encoder knows under another name are translated, unknown ones left out', () => {
    const { colors } = planPicture(
      facts({ video: { color: { transfer: 'bt470bg', primaries: 'bt470bg', space: 'reserved' } } }),
      TARGET,
      1,
      ALL,
    );
    expect(colors).toEqual(['-color_primaries', 'bt470bg', '-color_trc', 'gamma28', '-color_range', 'tv']);
  });

  it('Display P3 and other rare colours are planned as they come out ("it lacks what the plan says")', () => {
    const color = { transfer: 'log316', primaries: 'smpte432', space: 'ycgco' };
    const { colors } = planPicture(facts({ video: { color } }), TARGET, 1, ALL);
    expect(colors.slice(0, 6)).toEqual([
      '-color_primaries',
      'smpte432',
      '-color_trc',
      'log316',
      '-colorspace',
      'ycgco',
    ]);
  });
});

describe('frames a second', () => {
  const cases: [number, number | undefined, number | undefined][] = [
    [60, undefined, undefined],
    [29.97, 30, undefined],
    [30.1, 30, undefined],
    [60, 30, 30],
    [59.94, 30, 29.97],
    [50, 30, 25],
    [25, 24, 24],
    [120, 50, 40],
    [240, 30, 30],
  ];
  it.each(cases)('%d, at most %s: %s', (source, asked, expected) => {
    const kept = frameRate(source, asked);
    if (expected === undefined) expect(kept).toBeUndefined();
    else expect(kept).toBeCloseTo(expected, 2);
  });
});
