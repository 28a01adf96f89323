import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Fate, type Kind, KINDS } from '../../../../src/core/inventory.ts';
import type { MediaFacts, VideoTrack } from '../../../../src/core/media-info.ts';
import { planSound } from '../../../../src/engine/local/plan/audio.ts';
import { planInventory, type Route } from '../../../../src/engine/local/plan/fates.ts';
import { choose, type CopyChoice } from '../../../../src/engine/local/plan/strategy.ts';
import { planPicture } from '../../../../src/engine/local/plan/video.ts';
import { FINDERS } from '../../../../src/media/inventory/inventory.ts';
import { audioTrack, facts } from '../facts.ts';
import { TARGET } from '../support.ts';

const PAGE = join(import.meta.dirname, '../../../../docs/footage.md');
const HEAD = '| what a source holds | when encoded (H.264) | when copied | ffmpeg |';
const tools = { options: new Set(['fps_mode']), filters: new Set(['zscale', 'tonemap', 'bwdif']) };

/** The picture that an example belongs to. */
const PICTURES: Partial<Record<Kind, Partial<VideoTrack>>> = {
  shapes: { shapeChanges: 1 },
  hdr: { hdr: 'pq', color: { primaries: 'bt2020', transfer: 'smpte2084', space: 'bt2020nc' } },
  colour: { color: { primaries: 'bt709', transfer: 'bt709', space: 'bt709' } },
};

function sourceWith(kind: Kind): MediaFacts {
  const examples = FINDERS[kind].examples.map(found => ({ kind, ...found }));
  return facts({
    inventory: examples,
    video: { ...PICTURES[kind] },
    audio: [
      audioTrack({ index: 1, language: 'eng' }),
      audioTrack({ index: 2, codec: 'pcm_s16le' }),
      audioTrack({ index: 3, codec: 'apac', isDecodable: false }),
    ],
    subtitles: ['subrip', 'ass', 'hdmv_pgs_subtitle'].map((codec, at) => {
      return { index: 4 + at, codec, text: codec !== 'hdmv_pgs_subtitle', language: 'eng' };
    }),
  });
}

function fatesOf(kind: Kind, way: 'copy' | 'encode'): Fate[] {
  const source = sourceWith(kind);
  const target = { ...TARGET, size: { kind: 'bytes', bytes: source.bytes } as const };
  const copy = choose(source, { job: 'table', source: '/clip.mp4', sourceBytes: source.bytes, target });
  if (way === 'copy' && copy.kind !== 'copy') return [];
  const encoded = { picture: planPicture(source, target, 1, tools), sound: planSound(source, target, undefined) };
  const route: Route =
    way === 'copy'
      ? { way, facts: source, target, tools, copy: copy as CopyChoice }
      : { way, facts: source, target, tools, codec: 'h264', ...encoded };
  return planInventory(route).map(({ fate }) => fate);
}

function inWords(fate: Fate | undefined): string {
  switch (fate?.kind) {
    case 'kept':
      return `kept${fate.note ? `; note: ${fate.note.text}` : ''}`;
    case 'converted':
      return `becomes ${fate.how.text}${fate.note ? `; note: ${fate.note.text}` : ''}`;
    case 'left-out':
      return `note: ${fate.note.text}`;
    case 'refused':
      return `refused: ${fate.why.text}`;
    case undefined:
      return 'never copied: encoded, as beside';
  }
}

function table(): string {
  const rows = KINDS.flatMap(kind => {
    const [encoded, copied] = [fatesOf(kind, 'encode'), fatesOf(kind, 'copy')];
    return FINDERS[kind].examples.map(
      ({ what }, at) => `| ${what.text} | ${inWords(encoded[at])} | ${inWords(copied[at])} | ${FINDERS[kind].since} |`,
    );
  });
  return [HEAD, '|---|---|---|---|', ...rows].join('\n');
}

it('docs/footage.md says what becomes of every kind (UPDATE_DOCS=1 writes it)', () => {
  const page = readFileSync(PAGE, 'utf8');
  const found = page.split('\n\n').find(part => part.startsWith('| what a source holds')) ?? '';
  if (process.env['UPDATE_DOCS'])
    writeFileSync(
      PAGE,
      page.replace(found, () => table()),
    );
  else expect(found.trimEnd()).toBe(table());
});
