const ENGINES: Readonly<Record<string, string>> = { local: '本机', nemo: '云端' };

export const HISTORY_ZH = {
  'history.step': ({ engine, step }: { engine: string; step: string }) => `在${ENGINES[engine] ?? engine}：${step}`,
  'history.archived': ({ path }: { path: string }) => `原文件已归档为 ${path}`,
  'history.deleted': () => '原文件已删除',
  'history.pruned': ({ path }: { path: string }) => `已归档的原文件到期删除：${path}`,
  'history.moved': ({ path }: { path: string }) => `收件箱已移动；文件现在是 ${path}`,
};
