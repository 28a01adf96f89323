import type { JOURNAL_EN } from '../en/journal.ts';

export const JOURNAL_ZH: typeof JOURNAL_EN = {
  'journal.locking': '锁定状态目录',
  'journal.preparing': '准备状态目录',
  'journal.locked': ({ path, pid, since }) =>
    `另一个 shrinkbox${pid && since ? `（pid ${pid}，自 ${since} 起）` : ''}已在使用 ${path}`,
  'journal.locked-hint': ({ pid }) =>
    `请先停止它（${pid ? `kill ${pid} 或 ` : ''}systemctl stop shrinkbox），或为本程序另设 state_dir。`,
  'journal.lock-no-file': ({ path }) => `${path} 不是文件`,
  'journal.no-lock-here': ({ platform }) => `shrinkbox 在 ${platform} 上无法保证只运行一个实例`,
  'journal.no-lock-here-hint': '请在 Linux 或 macOS 上运行。',
  'journal.state-foreign': ({ path, uid }) => `${path} 属于另一个用户（uid ${uid}）`,
  'journal.state-foreign-hint': ({ path, self }) =>
    `该用户可能改动 shrinkbox 的记录。请以该用户运行 shrinkbox，或把 state_dir 设为其他文件夹；如果信任其中的内容，可运行 sudo chown -R ${self} ${path}。`,
  'journal.state-writable': ({ path }) => `其他用户可以写入状态目录 ${path}`,
  'journal.state-writable-hint': ({ path }) =>
    `其中还有其他文件，因此 shrinkbox 不会更改其权限。请运行 chmod go-w ${path}，或把 state_dir 设为专用文件夹。`,
  'journal.state-remote': ({ path, type }) => `${path} 位于 ${type} 上；state_dir 必须在本机磁盘上`,
  'journal.state-remote-hint': '请把 state_dir 设为本机磁盘上的文件夹；收件箱和发件箱可以保持原处。',
  'journal.state-no-folder': ({ path }) => `${path} 不是文件夹，或位于某个文件之内`,
  'journal.state-no-folder-hint': '请把 state_dir 设为文件夹；不存在时会创建。',
};
