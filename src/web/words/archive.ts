/** The originals in the archives. */
export const en = {
  archive: {
    title: 'Archived originals',
    loading: 'Loading…',
    sum: (count: number, shown: string, bytes: string) =>
      count === 0 ? 'No original is in an archive.' : `${shown} ${count === 1 ? 'original' : 'originals'}, ${bytes}`,
    all: 'All',
    choose: (name: string) => `Choose ${name}`,
    since: (when: string) => `since ${when}`,
    until: (when: string) => `kept until ${when}`,
    forEver: 'kept for ever',
    restore: (count: number) => (count === 0 ? 'Restore' : `Restore ${count}`),
    restoring: 'Restoring…',
    restored: (count: number) => `${count} restored`,
  },
};

export const zh: typeof en = {
  archive: {
    title: '已归档的原文件',
    loading: '正在加载…',
    sum: (count, shown, bytes) => (count === 0 ? '没有已归档的原文件。' : `${shown} 个原文件，共 ${bytes}`),
    all: '全部',
    choose: name => `选择 ${name}`,
    since: when => `归档于 ${when}`,
    until: when => `保留至 ${when}`,
    forEver: '永久保留',
    restore: count => (count === 0 ? '恢复' : `恢复 ${count} 个`),
    restoring: '正在恢复…',
    restored: count => `已恢复 ${count} 个`,
  },
};
