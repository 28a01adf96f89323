import { formatResolution, type Target } from '../../../core/target.ts';
import { formatBytes } from '../../../core/units.ts';
import type { FormatKind } from '../../engine.ts';
import { intentOf, type WordsIntent } from './intent.ts';

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
  return [...new Set([...edits, words])].join(isChinese(facts.language) ? '；然后：' : '; then: ');
}

function isEdit(words: string): boolean {
  return intentOf(words).kind === 'edit';
}

const CODECS = { h264: 'H.264', h265: 'H.265', av1: 'AV1' } as const;

/** One thing the result is held to, in words, and how words of a person show that they speak of it themselves. */
interface Demand {
  words: string;
  spokenOf: RegExp;
}

const SPOKEN_OF = {
  size: /\d\s*(?:[kmg]i?b?\b|bytes|字节|兆|%)|\bhalf\b|一半/i,
  resolution: /\d{3,4}\s*[p×x*]|\b[248]k\b|\b(?:full )?hd\b|resolution|分辨率/i,
  fps: /\bfps\b|\bframes?\b|帧/i,
  audio: /\b(?:sound|audio|mute|muted|silent|silence|music|voice)\b|音|声/i,
  format: /\b(?:[hx]\.?26[45]|hevc|avc|av1|codec)\b|编码/i,
};

/** What the rule demands of the picture and sound, then the format: what is made unasked depends on the service's presets. */
function demandsOf({ target, language }: PromptFacts): Demand[] {
  const chinese = isChinese(language);
  const { resolution, fps, audio, codec = 'h264' } = target;
  const found: Demand[] = [];
  const add = (spokenOf: RegExp, english: string, inChinese: string) =>
    found.push({ words: chinese ? inChinese : english, spokenOf });
  if (resolution) {
    const size = formatResolution(resolution);
    add(SPOKEN_OF.resolution, `at most ${size}`, `分辨率最高${size}`);
  }
  if (fps !== undefined) add(SPOKEN_OF.fps, `at most ${fps} frames per second`, `帧率最高${fps}`);
  if (audio.kind === 'mute') add(SPOKEN_OF.audio, 'without sound', '去掉声音');
  if (audio.kind === 'bitrate') {
    const kbps = Math.round(audio.bitsPerSecond / 1000);
    add(SPOKEN_OF.audio, `audio at ${kbps} kb/s`, `音频${kbps} kb/s`);
  }
  add(SPOKEN_OF.format, `output MP4 (${CODECS[codec]})`, `输出MP4（${CODECS[codec]}）`);
  return found;
}

/** A person's words stay as written; what the result is held to and they say nothing about is added. */
function withDemands(words: string, facts: PromptFacts): string {
  const { maxBytes, language, kind = 'video' } = facts;
  const chinese = isChinese(language);
  const demands = demandsOf(facts);
  if (maxBytes !== undefined) {
    const size = sizeWords(maxBytes);
    demands.unshift({ words: chinese ? `${size}以内` : `under ${size}`, spokenOf: SPOKEN_OF.size });
  }
  const added = demands
    .filter(({ spokenOf }) => !spokenOf.test(words))
    .map(demand => demand.words)
    .join(chinese ? '，' : ', ');
  const all = added === '' ? words : `${words.replace(/[\s.;,。；，]+$/u, '')}${chinese ? '；' : '; '}${added}`;
  if (kind === 'picture') return chinese ? `用这张图片制作视频：${all}` : `make a video from this picture: ${all}`;
  if (kind === 'sound') return chinese ? `用这段声音制作视频：${all}` : `make a video with this sound: ${all}`;
  return all;
}

/** The rule in words: `compress this video to under 50MB without losing quality, at most 1080p, ...`. */
function wordsOf(facts: PromptFacts): string {
  const chinese = isChinese(facts.language);
  const demands = demandsOf(facts).map(({ words }) => words);
  const keepsSize = facts.target.resolution === undefined;
  const untouched = chinese
    ? `保持原有${keepsSize ? '分辨率、' : ''}时长和内容，不要添加标题、音乐或特效`
    : `keep its ${keepsSize ? 'resolution, ' : ''}length and content as they are, add no titles, music or effects`;
  return [compression(facts, chinese), ...demands.slice(0, -1), untouched, ...demands.slice(-1)].join(
    chinese ? '，' : ', ',
  );
}

function compression({ maxBytes, kind }: PromptFacts, chinese: boolean): string {
  const isAnimation = kind === 'animation';
  const what = chinese ? (isAnimation ? '这个动图' : '这个视频') : isAnimation ? 'this animated picture' : 'this video';
  if (maxBytes === undefined)
    return chinese
      ? `在不损失画质的情况下尽量压缩${what}`
      : `compress ${what} as far as it goes without losing quality`;
  const size = sizeWords(maxBytes);
  return chinese
    ? `把${what}压缩到${size}以内，不损失画质`
    : `compress ${what} to under ${size} without losing quality`;
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
  const chinese = isChinese(languageFor(words, facts.language));
  const own = wholeBytes === undefined || maxBytes === undefined ? words : resized(words, wholeBytes, maxBytes);
  const which = chinese
    ? `这是较长视频的第${part}段，共${parts}段`
    : `this is part ${part} of ${parts} of a longer video`;
  const size =
    maxBytes === undefined
      ? ''
      : chinese
        ? `，这一段最多${maxBytes}字节`
        : `, and this part may have at most ${maxBytes} bytes`;
  return `${own}${chinese ? '；' : '; '}${which}${size}`;
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
  const got = formatBytes(gotBytes);
  const size = sizeWords(maxBytes);
  if (isChinese(language)) {
    return `导出的视频有${got}，太大了。请把它压缩到${size}以内（最多${maxBytes}字节）：降低码率，必要时降低分辨率，其他保持不变`;
  }
  return `the exported video is ${got}, which is too large: compress it to under ${size} (at most ${maxBytes} bytes) by lowering the bitrate and, if needed, the resolution; change nothing else`;
}

function amongOthers(words: string, { among: file, timeline = 'new', language }: PromptFacts): string {
  if (file === undefined) return words;
  if (isChinese(language)) {
    const which = {
      new: `清空时间线，只使用刚上传的文件“${file}”`,
      own: `继续处理时间线上的文件“${file}”`,
      'of-another': `清空时间线，只使用本会话中已有的文件“${file}”`,
    };
    return `${which[timeline]}：${words}`;
  }
  const which = {
    new: `start over with an empty timeline and use only the file just uploaded, "${file}"`,
    own: `continue with the file on the timeline, "${file}"`,
    'of-another': `start over with an empty timeline and use only the file "${file}", which is already in this session`,
  };
  return `${which[timeline]}: ${words}`;
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
export function languageFor(words: string | undefined, configured: string): string {
  const text = words ?? '';
  if (/[\p{Script=Hiragana}\p{Script=Katakana}]/u.test(text)) return 'ja';
  if (/\p{Script=Hangul}/u.test(text)) return 'ko';
  if (/\p{Script=Han}/u.test(text)) return isChinese(configured) ? configured : 'zh';
  const isLatin = /(?<![\p{L}\p{N}])\p{Script=Latin}{2}/u.test(text.replace(/https?:\S+/g, ''));
  return isLatin && /^(?:zh|cmn|yue|ja|ko)\b/i.test(configured) ? 'en' : configured;
}

function isChinese(language: string): boolean {
  return /^(?:zh|cmn|yue)\b/i.test(language);
}
