import type { Instruction, InstructionTarget, Piece, Setting } from './phrase.ts';

/** A setting, and the words that ask for it. */
interface Request {
  words: string;
  setting: Setting;
  bound: boolean;
}

type Choice = Request | 'contradiction' | undefined;

/** Merges the pieces into one instruction: the smallest of several limits wins, contradictions are reported instead of resolved. */
export function merge(text: string, pieces: readonly Piece[], sourceBytes: number | undefined): Instruction {
  const requests = pieces.flatMap(piece => requestsOf(text, piece));
  const smallest = pieces.some(({ meaning }) => meaning.kind === 'granted' && meaning.smallest === true);
  const target: InstructionTarget = {};
  const contradictions: string[] = [];

  const set = <Field extends keyof InstructionTarget>(field: Field, choose: (all: Request[]) => Choice) => {
    const all = requests.filter(({ setting }) => setting.field === field);
    const choice = choose(all);
    if (choice === 'contradiction') contradictions.push([...new Set(all.map(({ words }) => words))].join(' / '));
    else if (choice) target[field] = choice.setting.value as InstructionTarget[Field];
  };
  set('size', all => smallestSize(all, sourceBytes));
  set('from', unanimous);
  set('to', unanimous);
  set('resolution', unanimous);
  set('fps', unanimous);
  set('audio', audioOf);
  set('codec', unanimous);
  set('quality', all => all.find(({ setting }) => setting.value === (smallest ? 'auto' : 'max')) ?? all[0]);
  set('floor', unanimous);
  const ends = requests.filter(({ setting: { field } }) => field === 'from' || field === 'to');
  const isOneSided = new Set(ends.map(({ setting: { field } }) => field)).size > Object.keys(partIn(target)).length;
  if (isOneSided || isEmptyPart(target)) {
    contradictions.push([...new Set(ends.map(({ words }) => words))].join(' / '));
    delete target.from;
    delete target.to;
  }
  if (smallest) target.quality = 'auto';
  return { target, notUnderstood: [...unknownWords(text, pieces), ...new Set(contradictions)] };
}

function requestsOf(text: string, { start, end, meaning }: Piece): Request[] {
  if (meaning.kind !== 'sets') return [];
  const { settings, bound = false } = meaning;
  return settings.map(setting => ({ words: text.slice(start, end), setting, bound }));
}

/** All of them must be the same. */
function unanimous(all: Request[]): Choice {
  const values = new Set(all.map(({ setting }) => JSON.stringify(setting.value)));
  return values.size > 1 ? 'contradiction' : all[0];
}

/**
 * Limits can hold together, so the smallest counts (`for Discord, under 8MB`). Two sizes that are not limits contradict each
 * other (`50MB 25MB`). So do a share and a size while the source's size is unknown, and a bit rate and either of them, because
 * the length is unknown here.
 */
function smallestSize(all: Request[], sourceBytes: number | undefined): Choice {
  if (unanimous(all.filter(({ bound }) => !bound)) === 'contradiction') return 'contradiction';
  const sized = all.map(request => ({ request, bytes: bytesOf(request.setting, sourceBytes) }));
  if (sized.some(({ bytes }) => bytes === undefined)) return unanimous(all);
  return sized.sort((a, b) => (a.bytes ?? 0) - (b.bytes ?? 0))[0]?.request;
}

function bytesOf(setting: Setting, sourceBytes: number | undefined): number | undefined {
  if (setting.field !== 'size') return undefined;
  if (setting.value.kind === 'bytes') return setting.value.bytes;
  if (setting.value.kind === 'rate' || sourceBytes === undefined) return undefined;
  return setting.value.share * sourceBytes;
}

function partIn({ from, to }: InstructionTarget): Pick<InstructionTarget, 'from' | 'to'> {
  return { ...(from !== undefined && { from }), ...(to !== undefined && { to }) };
}

/** Ends before it begins, whatever the length: `from 0:30`, `until 0:10`. */
function isEmptyPart({ from, to }: InstructionTarget): boolean {
  return from !== undefined && to !== undefined && from < 0 === to < 0 && from >= to;
}

/** `keep the audio at 96k` is no contradiction. */
function audioOf(all: Request[]): Choice {
  const others = all.filter(({ setting }) => !(setting.field === 'audio' && setting.value.kind === 'keep'));
  const isMuted = others.some(({ setting }) => setting.field === 'audio' && setting.value.kind === 'mute');
  if (isMuted) return unanimous(all);
  return others.length > 0 ? unanimous(others) : all[0];
}

/** Words without a meaning; neighbours stay together with what is between them: `add background music`. */
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
