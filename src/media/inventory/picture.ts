import type { Kind } from '../../core/inventory.ts';
import { say } from '../../messages/say.ts';
import { bitDepth, clockwise, colorOf, hdrOf, isVariable, mirrored, sideData, stretch } from '../probe/streams.ts';
import type { Finder, Found } from './probed.ts';

type PictureKind = Extract<
  Kind,
  | 'captions'
  | 'rotation'
  | 'mirroring'
  | 'sample-aspect'
  | 'shapes'
  | 'range'
  | 'colour'
  | 'depth'
  | 'hdr'
  | 'dolby-vision'
  | 'projection'
  | 'stereo'
  | 'second-eye'
  | 'alpha'
  | 'interlacing'
  | 'cadence'
  | 'last-picture'
  | 'hidden-frames'
>;

/** The last picture stays longer than the others if it stays this many times their average. */
export const LONG_LAST_FRAMES = 1.5;

const found = (is: boolean, value: string, what: Found['what']): Found[] => (is ? [{ value, what }] : []);

/** What is in the main picture, or says how it is shown. */
export const PICTURE: Readonly<Record<PictureKind, Finder>> = {
  captions: {
    find: ({ signs }) => found(signs.captions, 'cea-608', say('media.has-captions')),
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'cea-608', what: say('media.has-captions') }],
  },
  rotation: {
    find: ({ main }) => {
      const degrees = clockwise(main);
      return found(degrees !== 0 && !mirrored(main), String(degrees), say('media.has-rotation', { degrees }));
    },
    compared: 'both',
    since: '4.4',
    examples: [{ value: '90', what: say('media.has-rotation', { degrees: 90 }) }],
  },
  mirroring: {
    find: ({ main }) => found(mirrored(main), 'mirrored', say('media.has-mirroring')),
    compared: 'both',
    since: '5.1',
    examples: [{ value: 'mirrored', what: say('media.has-mirroring') }],
  },
  'sample-aspect': {
    find: ({ main }) => {
      const aspect = stretch(main);
      const shown = aspect.toFixed(2);
      return found(Math.abs(aspect - 1) > 0.002, shown, say('media.has-sample-aspect', { aspect: shown }));
    },
    compared: 'missing',
    since: '4.4',
    examples: [{ value: '1.42', what: say('media.has-sample-aspect', { aspect: '1.42' }) }],
  },
  shapes: {
    find: ({ look: { shapes } }) =>
      shapes ? [{ value: 'changing', what: say('media.has-shapes', { sizes: shapes.sizes.join(', ') }) }] : [],
    compared: 'unplanned',
    since: '4.4',
    examples: [{ value: 'changing', what: say('media.has-shapes', { sizes: '640x360, 360x640' }) }],
  },
  range: {
    find: ({ main }) => found(isFullRange(main), 'full', say('media.has-full-range')),
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'full', what: say('media.has-full-range') }],
  },
  colour: {
    find: ({ main }) => {
      const { primaries, transfer, space } = colorOf(main);
      const value = colourValue({ primaries, transfer, space });
      return found(value !== UNTAGGED, value, say('media.has-colour', { colour: value }));
    },
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'bt709 bt709 bt709', what: say('media.has-colour', { colour: 'bt709 bt709 bt709' }) }],
  },
  depth: {
    find: ({ main }) => {
      const depth = depthOf(bitDepth(main), main.pix_fmt ?? '');
      return found(depth !== undefined, depth ?? '', say('media.has-depth', { depth: depth ?? '' }));
    },
    compared: 'never',
    since: '4.4',
    examples: [{ value: '10 bits, 4:2:2', what: say('media.has-depth', { depth: '10 bits, 4:2:2' }) }],
  },
  hdr: {
    find: ({ main }) => {
      const hdr = hdrOf(main);
      return found(hdr !== 'sdr', hdr, say('media.has-hdr', { hdr: hdr.toUpperCase() }));
    },
    compared: 'both',
    since: '4.4',
    examples: [{ value: 'pq', what: say('media.has-hdr', { hdr: 'PQ' }) }],
  },
  'dolby-vision': {
    find: ({ main }) => {
      const profile = sideData(main, 'DOVI configuration record')?.dv_profile;
      const shown = String(profile ?? '');
      return found(profile !== undefined, shown, say('media.has-dolby-vision', { profile: shown }));
    },
    compared: 'missing',
    since: '5.1',
    examples: [
      { value: '8', what: say('media.has-dolby-vision', { profile: '8' }) },
      { value: '5', what: say('media.has-dolby-vision', { profile: '5' }) },
    ],
  },
  projection: {
    find: ({ main }) => {
      const projection = sideData(main, 'Spherical Mapping')?.projection ?? '';
      return found(projection !== '', projection, say('media.has-projection', { projection }));
    },
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'equirectangular', what: say('media.has-projection', { projection: 'equirectangular' }) }],
  },
  stereo: {
    find: ({ main }) => {
      const views = sideData(main, 'Stereo 3D')?.type ?? '2D';
      return found(views !== '2D', views, say('media.has-stereo', { views }));
    },
    compared: 'missing',
    since: '4.4',
    examples: [{ value: 'side by side', what: say('media.has-stereo', { views: 'side by side' }) }],
  },
  'second-eye': {
    find: ({ signs }) => found(signs.secondEye, 'mv-hevc', say('media.has-second-eye')),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'mv-hevc', what: say('media.has-second-eye') }],
  },
  alpha: {
    find: ({ main, look }) => {
      const isInPixels = !look.isOpaque && /^(yuva|gbrap|rgba|argb|bgra|abgr|ya8|ya16|pal8)/.test(main.pix_fmt ?? '');
      const isBeside = main.tags?.['alpha_mode'] === '1' || main.tags?.['ALPHA_MODE'] === '1';
      return found(isInPixels || isBeside, 'alpha', say('media.has-alpha'));
    },
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'alpha', what: say('media.has-alpha') }],
  },
  interlacing: {
    find: ({ look }) => found(look.interlaced, 'interlaced', say('media.has-interlacing')),
    compared: 'unplanned',
    since: '4.4',
    examples: [{ value: 'interlaced', what: say('media.has-interlacing') }],
  },
  cadence: {
    find: ({ main, lines }) => found(isVariable(main, lines.get(main.index)), 'variable', say('media.has-cadence')),
    compared: 'never',
    since: '4.4',
    examples: [{ value: 'variable', what: say('media.has-cadence') }],
  },
  'last-picture': {
    find: ({ main, lines }) => {
      const { endS = 0, lastS = 0, startS = 0, packets = 0 } = lines.get(main.index) ?? {};
      const seconds = endS - lastS;
      const stays = seconds * packets > LONG_LAST_FRAMES * (endS - startS);
      return found(stays, seconds.toFixed(2), say('media.has-last-picture', { seconds }));
    },
    // The length of the whole is compared.
    compared: 'never',
    since: '5.1',
    examples: [{ value: '1.60', what: say('media.has-last-picture', { seconds: 1.6 }) }],
  },
  'hidden-frames': {
    find: ({ main, lines }) => {
      const frames = lines.get(main.index)?.hidden ?? 0;
      return found(frames > 0, String(frames), say('media.has-hidden-frames', { frames }));
    },
    compared: 'never',
    since: '4.4',
    examples: [{ value: '2', what: say('media.has-hidden-frames', { frames: 2 }) }],
  },
};

const UNTAGGED = '? ? ?';

/** Primaries, transfer and matrix in ffprobe's words, `?` for each that is not said. */
export function colourValue(color: { primaries?: string; transfer?: string; space?: string }): string {
  return [color.primaries, color.transfer, color.space].map(tag => tag ?? '?').join(' ');
}

function isFullRange(stream: { color_range?: string; pix_fmt?: string }): boolean {
  return stream.color_range === 'pc' || (stream.pix_fmt ?? '').startsWith('yuvj');
}

/** `10 bits, 4:2:2`; `undefined` for the 8 bits and 4:2:0 that every player shows. */
function depthOf(bits: number, pixelFormat: string): string | undefined {
  const sampling = /^(gbr|rgb|bgr|argb|abgr|0rgb|0bgr|pal8)/.test(pixelFormat)
    ? 'RGB'
    : (/(?:yuv[aj]?|nv|p)(444|440|422|411|410)/.exec(pixelFormat)?.[1]?.split('').join(':') ?? '4:2:0');
  return bits === 8 && sampling === '4:2:0' ? undefined : `${bits} bits, ${sampling}`;
}
