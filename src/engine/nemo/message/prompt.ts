import { formatResolution, type Target } from '../../../core/target.ts';
import { formatClock } from '../../../core/trim.ts';
import { formatBytes } from '../../../core/units.ts';
import type { FormatKind, ReadWords } from '../../engine.ts';
import { intentOf, type WordsIntent } from './intent.ts';
import { type Phrasebook, phrasebookFor } from './phrasebook.ts';

/** What to ask of the agent for a job, and what not. */
export interface Prompt {
  /** The message; absent if nothing is to be sent (`export` in a kept session). */
  text?: string;
  /** What the instruction asks for, so that a question is answered and an export gets its hint. */
  intent: WordsIntent;
}

export interface PromptFacts {
  instruction?: string;
  target: Target;
  /** The most bytes the result may have; absent if no size was requested. */
  maxBytes?: number;
  language: string;
  /** The fields of the target that words speak of, beside what this file can tell. */
  speaksOf?: (words: string) => ReadonlySet<string>;
  /** Name of the uploaded file, if the session holds others as well. */
  among?: string;
  /** Whose timeline there is: none that counts (the file was just uploaded), that file's, or another one's since. */
  timeline?: 'new' | 'own' | 'of-another';
  /** What earlier versions asked for, oldest first, empty for the rule; absent if it is on the timeline. */
  earlier?: readonly string[];
  /** The session has the timeline of an earlier version to continue from. */
  refines: boolean;
  /** What the source is; a video by default. */
  kind?: FormatKind;
}

/**
 * The instruction as written, with what else the result is held to, or one made from the rule. "Export" and questions (credits, status) never go to the agent: for a fresh
 * file the rule is sent as words instead, in a kept session nothing is.
 */
export function buildPrompt(facts: PromptFacts): Prompt {
  const instruction = facts.instruction?.trim() ?? '';
  const intent: WordsIntent = instruction === '' ? { kind: 'edit' } : intentOf(instruction);
  if (facts.refines && instruction !== '' && intent.kind !== 'edit') return { intent };
  const isOwn = instruction !== '' && intent.kind === 'edit';
  const words = afterEarlier(isOwn ? instruction : wordsOf(facts), facts);
  // A timeline that continues is held to it already.
  const isAnew = !facts.refines || facts.timeline === 'of-another';
  return { text: amongOthers(isOwn && isAnew ? withDemands(words, facts) : words, facts), intent };
}

/** A timeline that is made anew gets the edits of the earlier versions again, in one message. */
function afterEarlier(words: string, facts: PromptFacts): string {
  if (facts.earlier === undefined) return words;
  const [first = '', ...later] = facts.earlier;
  // Beside a fresh file, the rule was sent in place of what is no edit; later on, nothing was.
  const edits = [isEdit(first) ? first : '', ...later.filter(isEdit)].map(edit => edit.trim() || wordsOf(facts));
  return [...new Set([...edits, words])].join(phrasebookFor(facts.language).followedBy);
}

function isEdit(words: string): boolean {
  return intentOf(words).kind === 'edit';
}

const CODECS = { h264: 'H.264', h265: 'H.265', av1: 'AV1' } as const;

/** One thing the result is held to, in words, and how words of a person show that they speak of it themselves. */
interface Demand {
  field: 'from' | 'size' | 'resolution' | 'fps' | 'audio' | 'codec';
  words: string;
  spokenOf: RegExp;
}

const SPOKEN_OF = {
  part: /\d:\d\d|\b(?:first|last)\b|[前后]\s*\d/i,
  size: /\d\s*(?:[kmg]i?b?\b|bytes|字节|兆|%)|\bhalf\b|一半/i,
  resolution: /\d{3,4}\s*[p×x*]|\b[248]k\b|\b(?:full )?hd\b|resolution|分辨率/i,
  fps: /\bfps\b|\bframes?\b|帧/i,
  audio: /\b(?:sound|audio|mute|muted|silent|silence|music|voice)\b|音|声/i,
  format: /\b(?:[hx]\.?26[45]|hevc|avc|av1|codec)\b|编码/i,
};

/** What the rule demands of the picture and sound, then the format: what is made unasked depends on the service's presets. */
function demandsOf({ target, language }: PromptFacts): Demand[] {
  const say = phrasebookFor(language);
  const { trim, resolution, fps, audio, codec = 'h264' } = target;
  const found: Demand[] = [];
  const add = (field: Demand['field'], spokenOf: RegExp, words: string) => found.push({ field, words, spokenOf });
  if (trim)
    add(
      'from',
      SPOKEN_OF.part,
      say.only(momentWords(trim.from, say) ?? say.beginning, momentWords(trim.to, say) ?? say.end),
    );
  if (resolution) add('resolution', SPOKEN_OF.resolution, say.atMost(formatResolution(resolution)));
  if (fps !== undefined) add('fps', SPOKEN_OF.fps, say.fps(fps));
  if (audio.kind === 'mute') add('audio', SPOKEN_OF.audio, say.mute);
  if (audio.kind === 'bitrate') add('audio', SPOKEN_OF.audio, say.audio(Math.round(audio.bitsPerSecond / 1000)));
  add('codec', SPOKEN_OF.format, say.output(CODECS[codec]));
  return found;
}

function momentWords(seconds: number | undefined, say: Phrasebook): string | undefined {
  if (seconds === undefined) return undefined;
  return seconds < 0 ? say.beforeEnd(formatClock(-seconds)) : formatClock(seconds);
}

/** A person's words stay as written; what the result is held to and they say nothing about is added. */
function withDemands(words: string, facts: PromptFacts): string {
  const { maxBytes, language, kind = 'video', instruction = '', earlier = [] } = facts;
  const say = phrasebookFor(language);
  const demands = demandsOf(facts);
  if (maxBytes !== undefined)
    demands.unshift({ field: 'size', words: say.under(sizeWords(maxBytes)), spokenOf: SPOKEN_OF.size });
  const read = new Set([instruction, ...earlier].flatMap(each => [...(facts.speaksOf?.(each) ?? [])]));
  const added = demands
    .filter(
      ({ field, spokenOf }) => !(read.has(field) || (field === 'from' && read.has('to'))) && !spokenOf.test(words),
    )
    .map(demand => demand.words)
    .join(say.comma);
  const all = added === '' ? words : `${words.replace(/[\s.;,。；，]+$/u, '')}${say.semicolon}${added}`;
  if (kind === 'picture') return `${say.ofPicture}${say.colon}${all}`;
  if (kind === 'sound') return `${say.ofSound}${say.colon}${all}`;
  return all;
}

/** The rule in words: `compress this video to under 50MB without losing quality, at most 1080p, ...`. */
function wordsOf(facts: PromptFacts): string {
  const { maxBytes, kind, language, target } = facts;
  const say = phrasebookFor(language);
  const demands = demandsOf(facts).map(({ words }) => words);
  // A part has another length than the whole.
  const kept = target.resolution === undefined ? say.keepWithResolution : say.keep;
  const untouched = target.trim ? [] : [kept];
  const what = kind === 'animation' ? say.animation : say.video;
  const compression = maxBytes === undefined ? say.compress(what) : say.compressTo(what, sizeWords(maxBytes));
  return [compression, ...demands.slice(0, -1), ...untouched, ...demands.slice(-1)].join(say.comma);
}

/**
 * A person's words about the whole, for one part of it: a size they name becomes the part's share, which is also given in bytes. What
 * is only a question or an export stays as it is.
 */
export function partWords(
  words: string,
  facts: {
    part: number;
    parts: number;
    wholeBytes?: number | undefined;
    maxBytes?: number | undefined;
    language: string;
  },
): string {
  if (intentOf(words).kind !== 'edit') return words;
  const { part, parts, wholeBytes, maxBytes } = facts;
  const say = phrasebookFor(languageFor(words, facts.language));
  const own = wholeBytes === undefined || maxBytes === undefined ? words : resized(words, wholeBytes, maxBytes);
  const size = maxBytes === undefined ? '' : say.partBytes(maxBytes);
  return `${own}${say.semicolon}${say.part(part, parts)}${size}`;
}

/** Bare `k` is a bitrate, and so is anything per second. */
const SIZE =
  /(\d+(?:[.,]\d+)?)[ \u00a0]?(?:(k)(?:i?b|bytes?|字节)|(m|g|千兆|兆)(?:i?b|bytes?|字节)?)(?![\p{Script=Latin}\p{N}/])/giu;
const FACTORS: Readonly<Record<string, number>> = { k: 1e3, m: 1e6, 兆: 1e6, g: 1e9, 千兆: 1e9 };
/** 1 GB may mean 2^30 bytes. */
const SIZE_TOLERANCE = 0.08;

/** Every mention of the whole's size becomes the part's; other quantities stay. */
function resized(words: string, wholeBytes: number, maxBytes: number): string {
  return words.replace(SIZE, (written: string, number: string, kilo?: string, unit = kilo ?? '') => {
    const bytes = Number(number.replace(',', '.')) * (FACTORS[unit.toLowerCase()] ?? Number.NaN);
    return Math.abs(bytes / wholeBytes - 1) <= SIZE_TOLERANCE ? sizeWords(maxBytes) : written;
  });
}

/** The one follow-up if the render is too large. */
export function followUp(gotBytes: number, maxBytes: number, language: string): string {
  return phrasebookFor(language).tooLarge(formatBytes(gotBytes), sizeWords(maxBytes), maxBytes);
}

function amongOthers(words: string, { among: file, timeline = 'new', language }: PromptFacts): string {
  if (file === undefined) return words;
  const say = phrasebookFor(language);
  const which = { new: say.startWithUpload, own: say.goOn, 'of-another': say.startWith };
  return `${which[timeline](file)}${say.colon}${words}`;
}

/** `50MB` if it is a round number of a unit, as people write it; never more than `bytes`. */
export function sizeWords(bytes: number): string {
  for (const [unit, factor] of [
    ['GB', 1e9],
    ['MB', 1e6],
    ['kB', 1e3],
  ] as const) {
    const value = bytes / factor;
    if (value < 1) continue;
    return `${Math.floor(value * 10) / 10}${unit}`;
  }
  return `${bytes} bytes`;
}

/**
 * The language to talk to the agent in, as the service's `language` names it: that of the words; what their script does not tell, as
 * the configuration says.
 */
export function languageFor(words: string | undefined, configured: string, readWords?: ReadWords): string {
  const text = words ?? '';
  const read = readWords?.(text).language;
  if (read !== undefined) return configured.toLowerCase().startsWith(`${read}-`) ? configured : read;
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return 'ja';
  if (/\p{Script=Hangul}/u.test(text)) return 'ko';
  if (/\p{Script=Han}/u.test(text)) return isChinese(configured) ? configured : 'zh';
  const isLatin = /(?<![\p{L}\p{N}])\p{Script=Latin}{2}/u.test(text.replace(/https?:\S+/g, ''));
  return isLatin && /^(?:zh|cmn|yue|ja|ko)\b/i.test(configured) ? 'en' : configured;
}

function isChinese(language: string): boolean {
  return /^(?:zh|cmn|yue)\b/i.test(language);
}
