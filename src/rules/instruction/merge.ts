import { formatResolution } from '../../core/target.ts';
import { describeAudio, describeSize } from '../describe.ts';
import type { Instruction, Piece, Wish, InstructionTarget } from './phrase.ts';

interface Asked {
  words: string;
  wish: Wish;
  bound: boolean;
  because: string | undefined;
}

/** One instruction out of the pieces: the smallest of several limits, and contradictions reported instead of resolved. */
export function combine(text: string, pieces: readonly Piece[], sourceBytes: number | undefined): Instruction {
  const asked = pieces.flatMap(piece => askedBy(text, piece));
  const smallest = pieces.some(({ meaning }) => meaning.kind === 'granted' && meaning.smallest === true);
  const target: InstructionTarget = {};
  const contradictions: string[] = [];

  const settle = <Field extends keyof InstructionTarget>(
    field: Field,
    choose: (all: Asked[]) => Asked | 'contradiction' | undefined,
  ) => {
    const all = asked.filter(({ wish }) => wish.field === field);
    const choice = choose(all);
    if (choice === 'contradiction') contradictions.push([...new Set(all.map(({ words }) => words))].join(' / '));
    else if (choice) target[field] = choice.wish.value as InstructionTarget[Field];
  };
  settle('size', all => smallestSize(all, sourceBytes));
  settle('resolution', only);
  settle('fps', only);
  settle('audio', audioOf);
  settle('codec', only);
  settle('quality', all => all.find(({ wish }) => wish.value === (smallest ? 'auto' : 'max')) ?? all[0]);
  if (smallest) target.quality = 'auto';

  return {
    target,
    understood: asked.map(explain),
    notUnderstood: [...unknownWords(text, pieces), ...contradictions],
  };
}

function askedBy(text: string, { start, end, meaning }: Piece): Asked[] {
  if (meaning.kind !== 'wish') return [];
  const { wishes, bound = false, because } = meaning;
  return wishes.map(wish => ({ words: text.slice(start, end), wish, bound, because }));
}

/** All of them the same, or a contradiction. */
function only(all: Asked[]): Asked | 'contradiction' | undefined {
  const values = new Set(all.map(({ wish }) => JSON.stringify(wish.value)));
  return values.size > 1 ? 'contradiction' : all[0];
}

/**
 * Limits hold together, so the smallest counts (`for Discord, under 8MB`). Two sizes that are no limits contradict each
 * other (`50MB 25MB`), and so do a share and a size when the source's size is not known.
 */
function smallestSize(all: Asked[], sourceBytes: number | undefined): Asked | 'contradiction' | undefined {
  if (only(all.filter(({ bound }) => !bound)) === 'contradiction') return 'contradiction';
  const bytes = all.map(asked => ({ asked, bytes: bytesOf(asked.wish, sourceBytes) }));
  if (bytes.some(entry => entry.bytes === undefined)) return only(all);
  return bytes.reduce<(typeof bytes)[number] | undefined>(
    (least, entry) => ((entry.bytes ?? 0) < (least?.bytes ?? Number.POSITIVE_INFINITY) ? entry : least),
    undefined,
  )?.asked;
}

function bytesOf(wish: Wish, sourceBytes: number | undefined): number | undefined {
  if (wish.field !== 'size') return undefined;
  if (wish.value.kind === 'bytes') return wish.value.bytes;
  return sourceBytes === undefined ? undefined : wish.value.share * sourceBytes;
}

/** `keep the audio at 96k` is no contradiction. */
function audioOf(all: Asked[]): Asked | 'contradiction' | undefined {
  const others = all.filter(({ wish }) => !(wish.field === 'audio' && wish.value.kind === 'keep'));
  const muted = others.some(({ wish }) => wish.field === 'audio' && wish.value.kind === 'mute');
  return muted ? only(all) : others.length > 0 ? only(others) : all[0];
}

function explain({ words, wish, because }: Asked): string {
  return `"${words}": ${meaningOf(wish)}${because ? ` (${because})` : ''}`;
}

function meaningOf(wish: Wish): string {
  switch (wish.field) {
    case 'size':
      return describeSize(wish.value);
    case 'resolution':
      return wish.value === 'keep' ? 'resolution as it is' : formatResolution(wish.value);
    case 'fps':
      return wish.value === 'keep' ? 'frame rate as it is' : `at most ${wish.value} fps`;
    case 'audio':
      return describeAudio(wish.value);
    case 'codec':
      return wish.value;
    case 'quality':
      return wish.value === 'max' ? 'the best quality the size allows' : 'no visible loss';
  }
}

/** Words of no meaning, neighbours together with what stands between: `add background music`. */
function unknownWords(text: string, pieces: readonly Piece[]): string[] {
  const found: { start: number; end: number }[] = [];
  let open: { start: number; end: number } | undefined;
  for (const { start, end, meaning } of pieces) {
    if (meaning.kind === 'unknown' || meaning.kind === 'unclear') {
      if (open) open.end = end;
      else found.push((open = { start, end }));
    } else if (meaning.kind !== 'filler' && meaning.kind !== 'pause') {
      open = undefined;
    }
  }
  return found.map(({ start, end }) => text.slice(start, end).replace(/\s+/g, ' '));
}
