import { parseResolution } from '../../../core/target.ts';
import type { Intent } from '../../engine.ts';
import { isAddress } from '../http/address.ts';

/** An intent with the details the engine needs: the export settings named in the words. */
export type WordsIntent = Exclude<Intent, { kind: 'export' }> | { kind: 'export'; hint: OutputHint };

/** Format and resolution named in the words, for the render's `output`. */
export interface OutputHint {
  format?: string;
  resolution?: string;
}

/**
 * What an instruction asks for, decided before anything is sent to the agent. Whole intents only: "export" is one, "add an export
 * button" is an edit that happens to contain the word. Anything uncertain goes to the agent.
 */
export function intentOf(words: string): WordsIntent {
  const text = normalise(words);
  if (text === '') return { kind: 'edit' };
  const upload = uploadIn(text, words);
  if (upload) return upload;
  if (CREDITS.some(pattern => pattern.test(text))) return { kind: 'credits' };
  if (STATE.some(pattern => pattern.test(text))) return { kind: 'state' };
  if (EXPORT.some(pattern => pattern.test(text))) return { kind: 'export', hint: hintIn(text) };
  return { kind: 'edit' };
}

/** Politeness, quotes and end marks say nothing about the request. */
function normalise(words: string): string {
  return words
    .trim()
    .toLowerCase()
    .replace(/[’‘`]/g, "'")
    .replace(/^["'“”「」《》]+|["'“”「」《》]+$/g, '')
    .replace(/[\s.!?。!？~…]+$/u, '')
    .replace(
      /^(?:(?:hi|hey|hello|ok|okay|please|pls|now|then|can you|could you|would you|will you|i want to|i'd like to|let's|just|请|請|帮我|幫我|麻烦|麻煩|现在|我要|我想)[\s,，]*)+/u,
      '',
    )
    .replace(/[\s,，]*(?:please|pls|now|thanks|thank you|for me|谢谢|一下|吧|了|呢|吗)+$/u, '')
    .replace(/\s+/g, ' ')
    .trim();
}

const THE_VIDEO = String.raw`(?:(?:the|my|this|that|it|final|finished|result|rendered|whole|current) ?)*(?:video|clip|file|movie|project|timeline|draft|result|mp4|it|one)?`;
const AS_WHAT = String.raw`(?:(?:as|to|in|at|into|with) )?(?:(?:an?|the) )?(?:(?:full )?(?:\d{3,4}p|\d{3,4} ?[x×] ?\d{3,4}|4k|2k|hd|full hd|high quality|h\.?264|mp4|mov|webm)(?:,? (?:and )?|$))*(?:file|video|format|quality|resolution|version)?`;

const EXPORT = [
  new RegExp(String.raw`^(?:export|download|render|save) ?${THE_VIDEO} ?${AS_WHAT}$`),
  /^(?:send|give|get|deliver|hand)(?: (?:me|us))? (?:the|my) (?:(?:final|finished|result|rendered) )?(?:video|clip|file|result|mp4|movie)$/,
  /^(?:start|do|run|begin) (?:the |an? )?(?:export|download|render)$/,
  /^(?:把|将|將)?(?:这个|這個|我的|这段|成品)?(?:视频|影片|視頻|成片|文件|作品|项目)?(?:导出|匯出|導出|下载|下載|渲染|输出)(?:(?:这个|這個|我的|这段|成品|最终)?的?(?:视频|影片|視頻|成片|文件|作品|项目))?(?:为|成|成为|至)? ?(?:\d{3,4}p|4k|2k)? ?(?:高清)?(?:的)? ?(?:mp4|mov)?(?:格式|视频|文件)?$/u,
  /^(?:把|将|將)?(?:视频|影片|視頻|成片)(?:发|發|传)(?:给|給)?我$/u,
  /^(?:发|發|传|给|給)(?:给|給)?我(?:这个|成品|最终)?的?(?:视频|影片|視頻|成片)$/u,
];

const CREDITS = [
  /^(?:(?:check|show|get|see|view|what(?:'s| is| are)|query|tell me|display)(?: me)? )?(?:(?:my|the|our|current|remaining|account|available) )*(?:credits?|balance|credit balance)(?: (?:balance|left|remaining|available|status|do i have))*$/,
  /^how (?:many|much)(?: (?:credits?|balance))?(?: (?:do|have) (?:i|we)(?: (?:have|got))?)?(?: (?:left|remaining|are left|is left))?$/,
  /^(?:查看|查询|查詢|查|看|看看|显示|顯示|我的|我|还有|還有|还剩|還剩|剩余|剩餘|剩下|多少|有|当前|账户|帳戶|的)*(?:积分|積分|余额|餘額|点数|點數)(?:余额|是|还|還|有|剩|剩余|多少|查询|几|情况|够)*$/u,
];

const STATE = [
  /^(?:(?:what(?:'s| is)|check|show|get|see|view|tell me|display)(?: me)? )?(?:(?:my|the|our|current|job|project|session|render|edit|editing) )*(?:status|state|progress)(?: of (?:the |my |this )?(?:project|job|session|video|edit|render|it))?$/,
  /^(?:show|list|view|see|display|get)(?: me)? (?:(?:all|my|the|our|current) )*(?:tracks?|timeline|draft|layers)$/,
  /^(?:show me what we have|what(?:'s| is) (?:in|on) (?:it|the timeline|there)|what(?:'s| is) done|how far (?:is it|are we|along)|(?:the )?(?:tracks|timeline))$/,
  /^(?:查看|查询|查詢|查|看|看看|显示|顯示|当前|目前|现在|的|项目|任务|工程|编辑|视频)*(?:状态|狀態|进度|進度|轨道|軌道|时间线|時間線|时间轴)(?:如何|怎么样|怎樣|是什么|怎样)?$/u,
  /^(?:是)?(?:什么|啥|怎么)样(?:子)?$/u,
];

/** An address or a path is something to upload if it stands alone or follows the word. */
function uploadIn(text: string, words: string): WordsIntent | undefined {
  const bare = words.trim().replace(/^["'“”]+|["'“”]+$/g, '');
  if (isAddress(bare) || isFilePath(bare)) return { kind: 'upload', what: bare };
  const match =
    /^(?:upload|add file|attach|上传|上傳)[:：]?(?: ?(?:(?:the|my|this|a|another|these|more) )*(?:(?:files?|videos?|clips?)(?![^\s:])|这个|這個|我的|视频|影片|文件|新)*)? ?(.*)$/u.exec(
      text,
    );
  if (!match) return undefined;
  const rest = match[1]?.trim() ?? '';
  if (rest === '') return { kind: 'upload', what: undefined };
  const what = bare
    .slice(bare.length - rest.length)
    .trim()
    .replace(/["'“”]+$/g, '');
  return isAddress(what) || isFilePath(what) ? { kind: 'upload', what } : undefined;
}

/** Something that looks like a path to a media file; whether it exists is checked elsewhere. */
function isFilePath(text: string): boolean {
  if (/[\n"<>|]/.test(text) || !/\.(?:mp4|mov|avi|webm|mkv|jpe?g|png|gif|webp|mp3|wav|m4a|aac)$/i.test(text))
    return false;
  return /^(?:~|\.{1,2})?\/|^[a-z]:[\\/]/i.test(text) || !/\s/.test(text);
}

function hintIn(text: string): OutputHint {
  const lines =
    /(\d{3,4}p)\b/.exec(text)?.[1] ?? (/\b4k\b/.test(text) ? '2160p' : /\b2k\b/.test(text) ? '1440p' : undefined);
  const box = /(\d{3,4}) ?[x×] ?(\d{3,4})/.exec(text);
  const resolution = lines ?? (box ? `${box[1]}x${box[2]}` : undefined);
  const format = /\b(mp4|mov|webm)\b/.exec(text)?.[1];
  return { ...(format && { format }), ...(resolution && parseResolution(resolution) && { resolution }) };
}
