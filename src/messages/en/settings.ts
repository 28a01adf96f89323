/** What happens to the configuration file on the page, and who may change it. */
export const SETTINGS_EN = {
  'settings.reading': (p: { path: string }) => `reading ${p.path}`,
  'settings.writing': (p: { path: string }) => `changing ${p.path}`,
  'settings.no-file':
    'there is no configuration file: shrinkbox runs with its built-in defaults. "shrinkbox init" writes a file that can be changed here after a restart',
  'settings.has-mistakes': (p: { path: string }) => `${p.path} has mistakes: correct them in the file first`,
  'settings.not-writable': (p: { path: string; errno: string }) =>
    `the user shrinkbox runs as may not change ${p.path} or its folder${p.errno && ` (${p.errno})`}`,
  'settings.other-owner': (p: { path: string; uid: number }) =>
    `${p.path} belongs to another user (uid ${p.uid}), so it is changed in the file only`,
  'settings.not-owner':
    'every user of this machine may open this page; to change settings here, set http.token_file, or open the page as the user shrinkbox runs as',
  'settings.changed': (p: { path: string }) => `${p.path} was changed meanwhile; look at it again before you save`,
  'settings.by-hand': (p: { path: string }) =>
    `this part of ${p.path} is written in a way that cannot be changed here (aliases, for example): edit the file`,
  'settings.mounted': (p: { path: string }) =>
    `${p.path} cannot be replaced: it is mounted by itself, as in a container`,
  'settings.mounted-hint': 'Mount its folder instead, or change the file where it lies.',
  'settings.bad-name': 'name must be the path of a file below its inbox, at most 1000 characters',
};
