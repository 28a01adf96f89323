import { formatResolution, type Target } from '../../../core/target.ts';
import { formatBytes } from '../../../core/units.ts';
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
  /** What earlier versions asked for, oldest first, if none of it is on the timeline any more. */
  earlier?: readonly string[];
  /** The session has the timeline of an earlier version to continue from. */
  refines: boolean;
}

/**
 * The instruction as written, or one made from the rule. "Export" and questions (credits, status) never go to the agent: for a fresh
 * file the rule is sent as words instead, in a kept session nothing is.
 */
export function buildPrompt(facts: PromptFacts): Prompt {
  const instruction = facts.instruction?.trim() ?? '';
  const intent: WordsIntent = instruction === '' ? { kind: 'edit' } : intentOf(instruction);
  if (facts.refines && instruction !== '' && intent.kind !== 'edit') return { intent };
  const words = instruction !== '' && intent.kind === 'edit' ? instruction : wordsOf(facts);
  return { text: amongOthers(afterEarlier(words, facts), facts), intent };
}

/** A timeline that is made anew gets the edits of the earlier versions again, in one message. */
function afterEarlier(words: string, facts: PromptFacts): string {
  if (facts.earlier === undefined) return words;
  const edits = facts.earlier.filter(earlier => intentOf(earlier).kind === 'edit');
  const [first = wordsOf(facts), ...rest] = edits;
  return [...new Set([first, ...rest, words])].join(isChinese(facts.language) ? '；然后：' : '; then: ');
}

/** The rule in words: `compress this video to under 50MB without losing quality, at most 1080p, ...`. */
function wordsOf({ target, maxBytes, language }: PromptFacts): string {
  const chinese = isChinese(language);
  const parts = [compression(maxBytes, chinese)];
  if (target.resolution) {
    const size = formatResolution(target.resolution);
    parts.push(chinese ? `分辨率最高${size}` : `at most ${size}`);
  }
  if (target.fps !== undefined)
    parts.push(chinese ? `帧率最高${target.fps}` : `at most ${target.fps} frames per second`);
  if (target.audio.kind === 'mute') parts.push(chinese ? '去掉声音' : 'without sound');
  if (target.audio.kind === 'bitrate') {
    const kbps = Math.round(target.audio.bitsPerSecond / 1000);
    parts.push(chinese ? `音频${kbps} kb/s` : `audio at ${kbps} kb/s`);
  }
  parts.push(
    chinese
      ? '保持原有时长和内容，不要添加标题、音乐或特效，输出MP4'
      : 'keep its length and content as they are, add no titles, music or effects, output MP4',
  );
  return parts.join(chinese ? '，' : ', ');
}

function compression(maxBytes: number | undefined, chinese: boolean): string {
  if (maxBytes === undefined)
    return chinese
      ? '在不损失画质的情况下尽量压缩这个视频'
      : 'compress this video as far as it goes without losing quality';
  const size = sizeWords(maxBytes);
  return chinese
    ? `把这个视频压缩到${size}以内，不损失画质`
    : `compress this video to under ${size} without losing quality`;
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

function isChinese(language: string): boolean {
  return /^(?:zh|cmn|yue)\b/i.test(language);
}
