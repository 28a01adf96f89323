/** What was saved, and the disks. */
export const en = {
  saved: 'Made smaller by',
  savedFrom: ({ count, shown, before, after }: { count: number; shown: string; before: string; after: string }) =>
    `${shown} ${count === 1 ? 'video' : 'videos'}, from ${before} to ${after}`,
  savedChart: (days: number, bytes: string) => `Made smaller per day over the last ${days} days, ${bytes} in total`,
  nothingSaved: 'Nothing yet.',
  lastDays: (days: number) => `Last ${days} days`,
  originalsLeft: (bytes: string) => `${bytes} of originals still in the inbox`,
  originalsArchived: (bytes: string) => `${bytes} of originals in the archive`,
  freed: (bytes: string) => `${bytes} freed`,
  disk: (path: string) => `Disk of ${path}`,
  free: (bytes: string) => `${bytes} free`,
  diskUse: (path: string) => `How full the disk of ${path} is`,
  /** What runs as well. */
  stillToDo: 'Still to do',
  videos: (count: number, shown: string) => `${shown} ${count === 1 ? 'video' : 'videos'}`,
  nothingQueued: 'Nothing is waiting.',
  unknownEnd: 'When it will be done is not known yet.',
};

export const zh: typeof en = {
  saved: '累计缩小',
  savedFrom: ({ shown, before, after }) => `${shown} 个视频：${before} → ${after}`,
  savedChart: (days, bytes) => `最近 ${days} 天每天缩小的大小，共 ${bytes}`,
  nothingSaved: '暂无。',
  lastDays: days => `最近 ${days} 天`,
  originalsLeft: bytes => `收件箱中仍有 ${bytes} 原文件`,
  originalsArchived: bytes => `归档中有 ${bytes} 原文件`,
  freed: bytes => `已释放 ${bytes}`,
  disk: path => `磁盘：${path}`,
  free: bytes => `剩余 ${bytes}`,
  diskUse: path => `${path} 所在磁盘的使用情况`,
  stillToDo: '还要处理',
  videos: (_, shown) => `${shown} 个视频`,
  nothingQueued: '没有等待的视频。',
  unknownEnd: '完成时间尚不确定。',
};
