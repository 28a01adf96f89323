import type { Translation } from '../catalogue.ts';
import type { SETTINGS_EN } from '../en/settings.ts';

export const SETTINGS_ZH: Translation<typeof SETTINGS_EN> = {
  'settings.reading': p => `读取 ${p.path}`,
  'settings.writing': p => `修改 ${p.path}`,
  'settings.no-file': '没有配置文件：shrinkbox 使用内置的默认设置。用“shrinkbox init”可生成文件，重启后即可在此修改',
  'settings.has-mistakes': p => `${p.path} 有错误：请先在文件中改正`,
  'settings.not-writable': p => `运行 shrinkbox 的用户无权修改 ${p.path} 或其所在文件夹${p.errno && `（${p.errno}）`}`,
  'settings.other-owner': p => `${p.path} 属于另一个用户（uid ${p.uid}），只能在文件中修改`,
  'settings.not-owner':
    '本机的任何用户都能打开此页面；要在此修改设置，请设置 http.token_file，或以运行 shrinkbox 的用户身份打开页面',
  'settings.changed': p => `${p.path} 在此期间已被修改；请重新查看后再保存`,
  'settings.by-hand': p => `${p.path} 的这一部分的写法（例如别名）无法在此修改：请直接编辑文件`,
  'settings.mounted': p => `无法替换 ${p.path}：它是单独挂载的，例如在容器中`,
  'settings.mounted-hint': '请改为挂载其所在文件夹，或在文件所在之处修改。',
  'settings.bad-name': 'name 必须是收件箱内文件的路径，最多 1000 个字符',
};
