import type { StepId, StepParams } from '../../core/steps.ts';

const STEPS: Record<StepId, string> = {
  preparing: '准备中',
  probe: '读取源文件',
  copy: '无损复制',
  audio: '编码声音',
  sample: '采样',
  'fix-timestamps': '修正时间戳',
  'one-pass': '单遍编码',
  'pass-1': '第 1 遍（共 2 遍）',
  'pass-2': '第 2 遍（共 2 遍）',
  join: '合并',
  compare: '与源文件比较',
  'open-session': '打开会话',
  upload: '上传',
  ask: '发送指令',
  'ask-smaller': '请求更小的文件',
  'confirm-message': '确认指令是否送达',
  confirmed: '指令已完成',
  render: '渲染',
  download: '下载',
  'compress-here': '在本机压缩：对云端来说太大',
  'shrink-to-upload': '缩小到可以上传的大小',
  'fit-here': '在本机调整到所需大小',
  split: '切分成多个部分',
  'join-parts': '合并各部分',
};

export const STEPS_ZH = Object.fromEntries(
  Object.entries(STEPS).map(([id, words]) => [`step.${id}`, (params: StepParams) => words + which(params)]),
) as Record<`step.${StepId}`, (params: StepParams) => string>;

function which({ attempt, part, parts }: StepParams): string {
  const one = part === undefined ? '' : `，第 ${part} 部分${parts === undefined ? '' : `（共 ${parts} 部分）`}`;
  return `${one}${attempt !== undefined && attempt > 1 ? `，第 ${attempt} 次尝试` : ''}`;
}
