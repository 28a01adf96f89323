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
  'queue.inbox-moved': '它的收件箱又在了，路径不同',
  'queue.renamed': '文件在处理过程中被改名；任务以新的名字继续',
  'queue.fell-back': ({ why }: Because) => `云端无法完成（${why}）；改由本机处理`,

  'queue.cancelled': '已被用户取消',
  'queue.replaced': '文件已更改；新版本有自己的任务',
  'queue.removed': '文件在处理完成之前被移走',
  'queue.superseded': ({ why }: Because) => `${why}；新版本有自己的任务`,
  'queue.changed-underneath': ({ file }: { file: string }) => `${file} 在处理过程中被更改`,
  'queue.set-aside': ({ tries, why }: Because & { tries: number }) => `尝试 ${tries} 次后放弃：${why}`,
  'queue.internal-error': ({ why }: Because) => `shrinkbox 内部错误：${why}`,
  'queue.internal-error-hint': '请附上日志报告此问题；文件没有被改动。',
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

  'queue.original-damaged': '原文件有部分损坏，因此留在原处',
  'queue.original-stays': ({ why }: Because) => `原文件留在原处：${why}`,
  'queue.original-later': ({ why }: Because) => `结果已交付，但原文件暂时无法归档或删除：${why}`,

  'queue.reading-source': '正在读取源文件',
  'queue.verifying': '校验中',
  'queue.delivering': '交付中',

  'queue.no-such-job': ({ id }: { id: string }) => `没有任务 ${id}；“shrinkbox jobs” 会列出所有任务`,
  'queue.not-now': ({ id, file, why }: Because & { id: string; file: string }) => `任务 ${id}（${file}）：${why}`,
  'queue.done-already': '已经完成；如需重新处理该文件，请使用 forget',
  'queue.state-already': ({ state }: { state: string }) => `任务当前${stateName(state)}`,
  'queue.being-delivered': '正在交付',
  'queue.cancel-first': ({ state }: { state: string }) => `任务当前${stateName(state)}；请先取消`,
  'queue.ask-later': ({ state }: { state: string }) => `任务当前${stateName(state)}；请在完成后再试`,
  'queue.original-deleted': '原文件已按文件夹的设置删除',
  'queue.original-kept': '原文件没有归档过',
};
