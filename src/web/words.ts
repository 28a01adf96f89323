/**
 * The page's own words, complete in both languages. What the daemon says about jobs comes with codes and is worded by
 * `messages/` (see language.ts).
 */
import type { EventName } from '../core/events.ts';
import type { StateName } from '../core/job.ts';

export type Language = 'en' | 'zh';

/** Events of a job's history; the others are bookkeeping and never shown. */
type ShownEvent = Exclude<
  EventName,
  'repinned' | 'checkpoint' | 'fact' | 'publishing' | 'disposing' | 'reported' | 'forgotten'
>;

export interface Words {
  title: string;
  skip: string;
  language: string;
  pause: string;
  resume: string;
  modes: Record<'running' | 'working' | 'paused' | 'draining' | 'drained' | 'stopping' | 'stopped' | 'offline', string>;
  connecting: string;
  offline: string;
  pausedNote: string;
  signIn: { title: string; hint: string; label: string; enter: string; wrong: string };
  attention: string;
  active: string;
  queue: string;
  history: string;
  idle: string;
  idleHint: string;
  arriving(count: number): string;
  empty: string;
  nothingFound: string;
  more(count: string): string;
  next: string;
  previous: string;
  range(from: string, to: string, of: string): string;
  search: string;
  retry: string;
  cancel: string;
  restore: string;
  allOf(action: string, count: string): string;
  details: string;
  detailsOf(name: string): string;
  progressOf(name: string): string;
  left(span: string): string;
  /** How long it has gone on. */
  forSpan(span: string): string;
  until(when: string): string;
  states: Record<StateName, string>;
  events: Record<ShownEvent, string>;
  engines: Record<string, string>;
  at(engine: string): string;
  saved: string;
  savedFrom(videos: { count: number; shown: string; before: string; after: string }): string;
  savedChart(days: number, bytes: string): string;
  nothingSaved: string;
  perDay(days: number): string;
  upload: {
    title: string;
    lead: string;
    choose: string;
    instruction: string;
    example: string;
    inbox: string;
    here: string;
    progress(name: string): string;
    added: string;
    lost: string;
    stopped: string;
    tooLarge(free: string): string;
    away: string;
    stop: string;
    clear: string;
  };
  compare: { before: string; after: string; slide: string; loading: string; none: string; onlyAfter: string };
  facts: Record<
    'source' | 'output' | 'rule' | 'words' | 'how' | 'notes' | 'evidence' | 'original' | 'deleted' | 'timeline',
    string
  >;
  /** Between a sentence and the reason for it. */
  because(sentence: string, reason: string): string;
  /** Joins several notes or sentences in one line. */
  separator: string;
  loadFailed: string;
  actFailed: string;
  folderAway(folder: string, reason: string): string;
  folderTrouble(folder: string, reason: string): string;
  enginePaused(engine: string, reason: string): string;
  announce: {
    done(name: string, saving: string): string;
    failed(name: string): string;
    held(name: string): string;
  };
}

const en: Words = {
  title: 'shrinkbox',
  skip: 'Skip to the jobs',
  language: 'Language',
  pause: 'Pause',
  resume: 'Resume',
  modes: {
    running: 'Ready',
    working: 'Working',
    paused: 'Paused',
    draining: 'Draining',
    drained: 'Drained',
    stopping: 'Stopping',
    stopped: 'Stopped',
    offline: 'Offline',
  },
  connecting: 'Connecting…',
  offline: 'No connection to shrinkbox; trying again. What you see may be out of date.',
  pausedNote: 'Paused: nothing new starts until you resume.',
  signIn: {
    title: 'Access token required',
    hint: 'It is in the file set as http.token_file on the machine that runs shrinkbox.',
    label: 'Token',
    enter: 'Sign in',
    wrong: 'This token is not correct.',
  },
  attention: 'Needs you',
  active: 'Working now',
  queue: 'Queue',
  history: 'Finished',
  idle: 'Nothing is being processed.',
  idleHint: 'Drop a video here, or copy one into the inbox.',
  arriving: count =>
    count === 1
      ? 'One file in an inbox is not complete yet; it starts when it is.'
      : `${count} files in the inboxes are not complete yet; each starts when it is.`,
  empty: 'Nothing yet. Finished videos appear here.',
  nothingFound: 'No file name matches.',
  more: count => `Show more (${count} left)`,
  next: 'Older',
  previous: 'Newer',
  range: (from, to, of) => `${from}–${to} of ${of}`,
  search: 'Find by file name',
  retry: 'Try again',
  cancel: 'Cancel',
  restore: 'Restore the original',
  allOf: (action, count) => `${action}: all ${count}`,
  details: 'Details',
  detailsOf: name => `Details of ${name}`,
  progressOf: name => `Progress of ${name}`,
  left: span => `about ${span} left`,
  forSpan: span => `for ${span} so far`,
  until: when => `continues at ${when}`,
  states: {
    queued: 'queued',
    waiting: 'waiting',
    running: 'running',
    'in-doubt': 'checking with the service',
    verifying: 'checking the result',
    delivering: 'delivering',
    done: 'done',
    held: 'held',
    failed: 'failed',
    cancelled: 'cancelled',
    skipped: 'skipped',
  },
  events: {
    admitted: 'Added',
    decided: 'Rules checked',
    queued: 'Queued again',
    started: 'Started',
    step: 'Step',
    doubted: 'Outcome unknown',
    candidate: 'Result ready',
    rejected: 'Result rejected',
    verified: 'Result checked',
    published: 'Delivered',
    disposed: 'After delivery',
    restored: 'Original restored',
    pruned: 'Archive cleaned up',
    done: 'Done',
    waiting: 'Waiting',
    held: 'Held',
    failed: 'Failed',
    cancelled: 'Cancelled',
    skipped: 'Skipped',
  },
  engines: { local: 'this machine', nemo: 'NemoVideo' },
  at: engine => `on ${engine}`,
  saved: 'Saved so far',
  savedFrom: ({ count, shown, before, after }) =>
    `${shown} ${count === 1 ? 'video' : 'videos'}, from ${before} to ${after}`,
  savedChart: (days, bytes) => `Saved per day over the last ${days} days, ${bytes} in total`,
  nothingSaved: 'Nothing yet.',
  perDay: days => `per day, last ${days} days`,
  upload: {
    title: 'Add a video',
    lead: 'Drop files anywhere on this page, or',
    choose: 'Choose files',
    instruction: 'Instruction (optional)',
    example: 'under 25 MB, no sound',
    inbox: 'Inbox',
    here: 'Drop to add',
    progress: name => `Upload of ${name}`,
    added: 'Added; it starts in a moment',
    lost: 'The connection was lost before the file was complete.',
    stopped: 'Stopped',
    tooLarge: free => `Not enough space: only ${free} free.`,
    away: 'No inbox is available right now.',
    stop: 'Stop',
    clear: 'Clear list',
  },
  compare: {
    before: 'Before',
    after: 'After',
    slide: 'Compare before and after',
    loading: 'Taking a picture from both…',
    none: 'Nothing to compare',
    onlyAfter: 'No picture of the original',
  },
  facts: {
    source: 'Source',
    output: 'Result',
    rule: 'Rule',
    words: 'Instruction',
    how: 'How',
    notes: 'Notes',
    evidence: 'Checks',
    original: 'Original',
    deleted: 'deleted, as configured',
    timeline: 'What happened',
  },
  because: (sentence, reason) => `${sentence}: ${reason}`,
  separator: '; ',
  loadFailed: 'This could not be loaded',
  actFailed: 'That did not work',
  folderAway: (folder, reason) => `The inbox ${folder} is not available: ${reason}`,
  folderTrouble: (folder, reason) => `The folder ${folder} needs attention: ${reason}`,
  enginePaused: (engine, reason) => `Nothing runs on ${engine} right now: ${reason}`,
  announce: {
    done: (name, saving) => `${name} is done${saving && `, ${saving}`}`,
    failed: name => `${name} failed`,
    held: name => `${name} needs you`,
  },
};

const zh: Words = {
  title: 'shrinkbox',
  skip: '跳到任务列表',
  language: '语言',
  pause: '暂停',
  resume: '继续',
  modes: {
    running: '就绪',
    working: '处理中',
    paused: '已暂停',
    draining: '正在收尾',
    drained: '收尾完毕',
    stopping: '正在停止',
    stopped: '已停止',
    offline: '离线',
  },
  connecting: '正在连接…',
  offline: '与 shrinkbox 的连接已断开，正在重试。当前显示的内容可能不是最新的。',
  pausedNote: '已暂停：点击“继续”之前不会开始新的任务。',
  signIn: {
    title: '需要访问令牌',
    hint: '令牌保存在运行 shrinkbox 的机器上，由 http.token_file 指定的文件中。',
    label: '令牌',
    enter: '登录',
    wrong: '令牌不正确。',
  },
  attention: '需要您处理',
  active: '正在处理',
  queue: '队列',
  history: '已完成',
  idle: '当前没有正在处理的任务。',
  idleHint: '把视频拖到这里，或复制到收件箱文件夹。',
  arriving: count => `收件箱中有 ${count} 个文件尚不完整，完整后即开始处理。`,
  empty: '暂无记录。完成的视频会显示在这里。',
  nothingFound: '没有匹配的文件名。',
  more: count => `显示更多（还有 ${count} 个）`,
  next: '更早',
  previous: '更新',
  range: (from, to, of) => `第 ${from}–${to} 个，共 ${of} 个`,
  search: '按文件名查找',
  retry: '重试',
  cancel: '取消',
  restore: '恢复原文件',
  allOf: (action, count) => `${action}全部 ${count} 个`,
  details: '详情',
  detailsOf: name => `${name} 的详情`,
  progressOf: name => `${name} 的进度`,
  left: span => `剩余约 ${span}`,
  forSpan: span => `已持续 ${span}`,
  until: when => `${when} 继续`,
  states: {
    queued: '排队中',
    waiting: '等待中',
    running: '处理中',
    'in-doubt': '正在向服务确认',
    verifying: '正在检查结果',
    delivering: '正在交付',
    done: '完成',
    held: '待处理',
    failed: '失败',
    cancelled: '已取消',
    skipped: '已跳过',
  },
  events: {
    admitted: '收到',
    decided: '检查规则',
    queued: '重新排队',
    started: '开始',
    step: '步骤',
    doubted: '结果未知',
    candidate: '已生成结果',
    rejected: '结果未通过',
    verified: '检查通过',
    published: '已交付',
    disposed: '交付后',
    restored: '已恢复原文件',
    pruned: '已清理归档',
    done: '完成',
    waiting: '等待',
    held: '待处理',
    failed: '失败',
    cancelled: '已取消',
    skipped: '已跳过',
  },
  engines: { local: '本机', nemo: 'NemoVideo' },
  at: engine => `由${engine}处理`,
  saved: '累计节省',
  savedFrom: ({ shown, before, after }) => `${shown} 个视频：${before} → ${after}`,
  savedChart: (days, bytes) => `最近 ${days} 天每天节省的空间，共 ${bytes}`,
  nothingSaved: '暂无。',
  perDay: days => `最近 ${days} 天，按天`,
  upload: {
    title: '添加视频',
    lead: '将文件拖到页面任意位置，或',
    choose: '选择文件',
    instruction: '指令（可选）',
    example: '压缩到25MB以内，去掉声音',
    inbox: '收件箱',
    here: '松开即可添加',
    progress: name => `${name} 的上传进度`,
    added: '已添加，即将开始',
    lost: '文件未传完，连接已断开。',
    stopped: '已停止',
    tooLarge: free => `空间不足：仅剩 ${free}。`,
    away: '目前没有可用的收件箱。',
    stop: '停止',
    clear: '清空列表',
  },
  compare: {
    before: '处理前',
    after: '处理后',
    slide: '对比处理前与处理后',
    loading: '正在截取画面…',
    none: '没有可对比的画面',
    onlyAfter: '没有原文件的画面',
  },
  facts: {
    source: '源文件',
    output: '结果',
    rule: '规则',
    words: '指令',
    how: '方式',
    notes: '备注',
    evidence: '检查',
    original: '原文件',
    deleted: '已按配置删除',
    timeline: '经过',
  },
  because: (sentence, reason) => `${sentence}：${reason}`,
  separator: '；',
  loadFailed: '无法加载',
  actFailed: '操作未成功',
  folderAway: (folder, reason) => `收件箱 ${folder} 不可用：${reason}`,
  folderTrouble: (folder, reason) => `文件夹 ${folder} 需要注意：${reason}`,
  enginePaused: (engine, reason) => `${engine}目前不处理任务：${reason}`,
  announce: {
    done: (name, saving) => `${name} 已完成${saving && `，${saving}`}`,
    failed: name => `${name} 失败`,
    held: name => `${name} 需要您处理`,
  },
};

export const WORDS: Readonly<Record<Language, Words>> = { en, zh };

/** The first requested language that the page has. */
export function languageFor(kept: string | null, wanted: readonly string[]): Language {
  for (const tag of [kept ?? '', ...wanted]) {
    const found = (['en', 'zh'] as const).find(language => tag.toLowerCase().split('-')[0] === language);
    if (found) return found;
  }
  return 'en';
}
