import { formatDuration } from '../../core/units.ts';

interface Because {
  why: string;
}

const STATES: Readonly<Record<string, string>> = {
  queued: '排队中',
  waiting: '等待中',
  running: '处理中',
  'in-doubt': '待确认',
  verifying: '校验中',
  delivering: '交付中',
  done: '已完成',
  held: '已搁置',
  failed: '已失败',
  cancelled: '已取消',
  skipped: '已跳过',
};

function stateName(state: string): string {
  return STATES[state] ?? state;
}

const ENGINES: Readonly<Record<string, string>> = { local: '本机引擎', nemo: '云端引擎' };

export const QUEUE_ZH = {
  'queue.after-restart': '重启后继续',
  'queue.after-stop': 'shrinkbox 已停止；任务会在下次启动时继续',
  'queue.wait-over': '等待结束',
  'queue.asked-again': '用户要求重试',
  'queue.tried-again': '再次尝试',
  'queue.instruction-changed': '文件旁的指令已更改',
  'queue.cancel-undone': '有人撤销了取消；从原处继续',
  'queue.other-words': '有人提出了别的要求',
  'queue.inbox-moved': '它的收件箱又在了，路径不同',
  'queue.renamed': '文件在处理过程中被改名；任务以新的名字继续',
  'queue.fell-back': ({ why }: Because) => `云端无法完成（${why}）；改由本机处理`,

  'queue.cancelled': '已被用户取消',
  'queue.replaced': '文件已更改；新版本有自己的任务',
  'queue.settled': ({ file, job }: { file: string; job: string }) => `后来要求的结果已交付：${file}（任务 ${job}）`,
  'queue.removed': '文件在处理完成之前被移走',
  'queue.superseded': ({ why }: Because) => `${why}；新版本有自己的任务`,
  'queue.changed-underneath': ({ file }: { file: string }) => `${file} 在处理过程中被更改`,
  'queue.set-aside': ({ tries, why }: Because & { tries: number }) => `尝试 ${tries} 次后放弃：${why}`,
  'queue.internal-error': ({ why }: Because) => `shrinkbox 内部错误：${why}`,
  'queue.internal-error-hint': '请附上日志报告此问题；文件没有被改动。',
  'queue.cloud-result-hint':
    '没有交付任何文件，原文件未改动。重试会再次下载成品，若仍相同则免费重新渲染；如果仍无效，请更改指令，或在规则中设置 fallback: local。',
  'queue.made-here-hint':
    '没有交付任何文件，原文件未改动。重试会由本机重新制作：不发送任何内容，也不产生费用。如果仍无效，请附上日志报告此问题。',
  'queue.no-engine': ({ engine }: { engine: string }) => `${ENGINES[engine] ?? engine}尚未设置`,
  'queue.no-engine-hint': '请参阅 README 中的 “The cloud engine” 一节。',
  'queue.result-missing': '重启后找不到已完成的文件；正在重新生成',
  'queue.unreadable-hint': '请让运行 shrinkbox 的用户能够读取该文件（所有者、组或权限）；之后 shrinkbox 会自动处理它。',
  'queue.incomplete-hint': '请重新复制该文件；文件变化后 shrinkbox 会自动处理它。',

  'queue.comparing': '它的日期变了；正在与已处理的内容比较',
  'queue.compare-later': '它的日期又变了；刚刚比较过，稍后再比较',
  'queue.read-later': ({ why }: Because) => `${why}；会自动重试`,
  'queue.read-too-slow': ({ path }: { path: string }) => `未能及时读取 ${path}`,
  'queue.admission-stopped': 'shrinkbox 正在停止',
  'queue.record-unfit': ({ file, line, why }: Because & { file: string; line: number }) =>
    `${file} 第 ${line} 行：${why}`,
  'queue.start-anew': '请把状态目录移到别处以重新开始；源文件和结果不受影响。',

  'queue.original-damaged': '原文件有部分无法读取，因此留在原处',
  'queue.original-holds-more.part': '原文件留在原处，因为只要求了其中一部分',
  'queue.original-holds-more.sound': '原文件留在原处，因为要求去掉声音',
  'queue.original-holds-more.edit': '原文件留在原处，因为要求的是编辑后的版本',
  'queue.original-words-by-stranger': '原文件留在原处，因为它的说明属于另一个用户，或者原本放在另一个文件旁边',
  'queue.original-words-by-anybody': '原文件留在原处，因为指令是通过没有令牌的页面发来的，本机任何人都可能发出',
  'queue.original-empty-end': '它的末尾没有内容：要么是已分配但尚未写入的空间，要么是相机的填充；结果在此之前结束',
  'queue.original-stays': ({ why }: Because) => `原文件留在原处：${why}`,
  'queue.may-go-on': ({ ms }: { ms: number }) =>
    `其格式没有结尾标记，且看不到是否有程序还在写入；${formatDuration(ms)}内没有新内容后才会处理`,
  'queue.original-later': ({ why }: Because) => `结果已交付，但原文件暂时无法归档或删除：${why}`,

  'queue.reading-source': '正在读取源文件',
  'queue.verifying': '校验中',
  'queue.delivering': '交付中',

  'queue.no-such-job': ({ id }: { id: string }) => `没有任务 ${id}；“shrinkbox jobs” 会列出所有任务`,
  'queue.not-now': ({ id, file, why }: Because & { id: string; file: string }) => `任务 ${id}（${file}）：${why}`,
  'queue.refused': ({ why, hint }: Because & { hint: string }) => `${why}。${hint}`,
  'queue.paused': '已被手动暂停；继续后会接着处理',
  'queue.move-begun': '它不在排队，无法移动',
  'queue.move-before-begun': '另一个任务不在排队',
  'queue.move-other-folder': '各文件夹轮流处理；请移到同一文件夹的任务之前，或移到最前',
  'queue.move-sorted': '队列按可缩小的大小排序；请改为移到最前',
  'queue.cloud-at-work': '云端正在处理，无法暂停；如需停止请取消',
  'queue.not-paused': '它没有被暂停',
  'queue.done-already': '已经完成；如需重新处理该文件，请使用 forget',
  'queue.state-already': ({ state }: { state: string }) => `任务当前${stateName(state)}`,
  'queue.being-delivered': '正在交付',
  'queue.cancel-first': ({ state }: { state: string }) => `任务当前${stateName(state)}；请先取消`,
  'queue.ask-later': ({ state }: { state: string }) => `任务当前${stateName(state)}；请在完成后再试`,
  'queue.original-deleted': '原文件已按文件夹的设置删除',
  'queue.original-kept': '归档中没有它的原文件：从未归档，或已经恢复',
};
