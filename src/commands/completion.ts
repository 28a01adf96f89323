/** `completion bash|zsh|fish`: generated from the program's own commands, so that nothing is written down twice. */
import { Argument, type Command, type Option } from 'commander';
import { STATE_NAMES } from '../core/job.ts';
import { findDaemon, openJournalReader } from './support/connect.ts';
import type { Context, Define } from './support/context.ts';
import { EXIT } from './support/exit-codes.ts';
import { escapeForTerminal } from '../core/escape.ts';

export const defineCompletion: Define = (program, action) => {
  program
    .command('completion')
    .description('print a shell script that completes commands, options and job ids')
    .addArgument(new Argument('<shell>', 'your shell').choices(SHELLS))
    .addHelpText('after', INSTALL_HELP)
    .action(
      action(async (context, shell: Shell) => {
        context.io.stdout.write(SCRIPTS[shell](commandSpecs(program)));
        return EXIT.fine;
      }),
    );
  program
    .command('complete-ids', { hidden: true })
    .description('print the newest job ids with state and file name, for the completion scripts')
    .action(action(printIds));
};

const SHELLS = ['bash', 'zsh', 'fish'] as const;
type Shell = (typeof SHELLS)[number];

const INSTALL_HELP = `
To install it for every new shell:
  bash   shrinkbox completion bash | sudo tee /usr/share/bash-completion/completions/shrinkbox >/dev/null
  zsh    shrinkbox completion zsh | sudo tee /usr/share/zsh/vendor-completions/_shrinkbox >/dev/null
  fish   shrinkbox completion fish > ~/.config/fish/completions/shrinkbox.fish`;

/** A person choosing from a list reads no more. */
const MAX_IDS = 200;

/** Stays silent whatever goes wrong: this runs while a person presses Tab. */
async function printIds(context: Context): Promise<number> {
  try {
    context.silent = true;
    const { config, daemon } = await findDaemon(context);
    const jobs = daemon
      ? await daemon.jobs({ limit: MAX_IDS }).finally(() => daemon.close())
      : (await (await openJournalReader(context, config)).jobs()).slice(0, MAX_IDS);
    for (const { id, state, source } of jobs) {
      const name = source.split('/').at(-1) ?? '';
      context.print(`${escapeForTerminal(id)}\t${state} ${escapeForTerminal(name).replace(/[\t:]/g, ' ')}`);
    }
  } catch {
    // There are no ids to offer.
  }
  return EXIT.fine;
}

/** What completes a word. */
type Values = { kind: 'words'; words: readonly string[] } | { kind: 'files' } | { kind: 'ids' } | { kind: 'nothing' };

interface Flag {
  /** The long form, such as `--size`. */
  name: string;
  about: string;
  /** Absent where it takes no value. */
  values?: Values;
}

interface CommandSpec {
  /** Words of the command, such as `service install`; empty for the program itself. */
  path: string;
  about: string;
  flags: Flag[];
  argument: Values;
}

/** Every command, the program itself first. */
function commandSpecs(program: Command): CommandSpec[] {
  const globals = program.options.map(flagOf);
  const walk = (command: Command, path: string): CommandSpec[] => {
    const inner = visible(command);
    const own: CommandSpec = {
      path,
      about: command.description(),
      flags: [...command.options.filter(({ hidden }) => !hidden).map(flagOf), ...(path === '' ? [] : globals), HELP],
      argument:
        inner.length > 0
          ? { kind: 'words', words: inner.map(each => each.name()) }
          : valuesOf(command.registeredArguments[0]?.name(), command.registeredArguments[0]?.argChoices),
    };
    return [own, ...inner.flatMap(each => walk(each, `${path} ${each.name()}`.trim()))];
  };
  return walk(program, '');
}

const HELP: Flag = { name: '--help', about: 'print this help' };

function visible(command: Command): readonly Command[] {
  return command.commands.filter(each => !(each as unknown as { _hidden: boolean })._hidden);
}

function flagOf(option: Option): Flag {
  const name = option.long ?? option.short ?? '';
  const flag = { name, about: option.description };
  if (!option.required && !option.optional) return flag;
  const value = /[<[]([a-z|-]+)/i.exec(option.flags)?.[1];
  return { ...flag, values: name === '--job' ? { kind: 'ids' } : valuesOf(value, option.argChoices) };
}

/** What completes an argument or value, by its name in the commands. */
function valuesOf(name: string | undefined, choices?: readonly string[]): Values {
  if (choices && choices.length > 0) return { kind: 'words', words: choices };
  switch (name) {
    case 'id':
      return { kind: 'ids' };
    case 'state':
      return { kind: 'words', words: STATE_NAMES };
    case 'engine':
      return { kind: 'words', words: ['local', 'nemo'] };
    case 'resolution':
      return { kind: 'words', words: ['2160p', '1440p', '1080p', '720p', '480p', 'keep'] };
    case 'size':
      return { kind: 'words', words: ['10MB', '18MB', '25MB', '50MB', '50%', '25%'] };
    case 'file':
    case 'path':
    case 'dir':
      return { kind: 'files' };
    default:
      return { kind: 'nothing' };
  }
}

const SCRIPTS: Record<Shell, (commands: CommandSpec[]) => string> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

const HEADER = '# Generated by "shrinkbox completion"; generate it again after an upgrade.\n';

function bashScript(commands: CommandSpec[]): string {
  const nested = commands.filter(
    ({ path, argument }) =>
      path !== '' && commands.some(each => each.path.startsWith(`${path} `)) && argument.kind === 'words',
  );
  const flagCases = commands
    .flatMap(({ path, flags }) =>
      flags.flatMap(({ name, values }) => (values ? [[`${path}:${name}`, values] as const] : [])),
    )
    .map(([key, values]) => `    '${key}') ${bashFor(values)}; return ;;`);
  const wordCases = commands.map(
    ({ path, flags, argument }) =>
      `    '${path}')\n      if [[ $cur == -* ]]; then COMPREPLY=($(compgen -W '${flags.map(({ name }) => name).join(' ')}' -- "$cur"))\n      else ${bashFor(argument)}; fi ;;`,
  );
  return `${HEADER}_shrinkbox() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} path='' word i
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      --config) ((i++)) ;;
      -*) ;;
      *) if [[ -z $path ]]; then path=$word; elif [[ " ${nested.map(({ path }) => path).join(' ')} " == *" $path "* ]]; then path="$path $word"; break; else break; fi ;;
    esac
  done
  case "$path:$prev" in
${flagCases.join('\n')}
  esac
  case "$path" in
${wordCases.join('\n')}
  esac
}
_shrinkbox_ids() { COMPREPLY=($(compgen -W "$(shrinkbox complete-ids 2>/dev/null | cut -f1)" -- "$cur")); }
complete -F _shrinkbox shrinkbox
`;
}

function bashFor(values: Values): string {
  switch (values.kind) {
    case 'words':
      return `COMPREPLY=($(compgen -W '${values.words.join(' ')}' -- "$cur"))`;
    case 'files':
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur")';
    case 'ids':
      return '_shrinkbox_ids';
    case 'nothing':
      return ':';
  }
}

function zshScript(commands: CommandSpec[]): string {
  const functions = commands.filter(({ path }) => path !== '').map(zshCommand(commands));
  const root = commands[0];
  return `#compdef shrinkbox
${HEADER}_shrinkbox_ids() {
  local -a ids
  ids=(\${\${(f)"$(shrinkbox complete-ids 2>/dev/null)"}//$'\\t'/:})
  _describe -t jobs job ids
}
${functions.join('\n')}
${zshDispatch('_shrinkbox', '', root?.flags ?? [], commands)}
if [ "$funcstack[1]" = "_shrinkbox" ]; then _shrinkbox "$@"; else compdef _shrinkbox shrinkbox; fi
`;
}

function zshCommand(commands: CommandSpec[]): (command: CommandSpec) => string {
  return ({ path, flags, argument }) => {
    const name = zshName(path);
    if (childrenOf(path, commands).length > 0) return zshDispatch(name, path, flags, commands);
    const specs = [...flags.map(zshFlag), ...(argument.kind === 'nothing' ? [] : [`'*: :${zshFor(argument)}'`])];
    return `${name}() {\n  _arguments ${specs.join(' ')}\n}`;
  };
}

function zshDispatch(name: string, path: string, flags: Flag[], commands: CommandSpec[]): string {
  const children = childrenOf(path, commands);
  const list = children.map(each => `'${lastWord(each.path)}:${zshQuote(each.about)}'`);
  const cases = children.map(each => `        ${lastWord(each.path)}) ${zshName(each.path)} ;;`);
  return `${name}() {
  local context state line
  typeset -A opt_args
  _arguments -C ${flags.map(zshFlag).join(' ')} '1: :->command' '*:: :->rest'
  case $state in
    command)
      local -a commands
      commands=(${list.join(' ')})
      _describe -t commands command commands ;;
    rest)
      case $line[1] in
${cases.join('\n')}
      esac ;;
  esac
}`;
}

function zshFlag({ name, about, values }: Flag): string {
  const value = values === undefined ? '' : `: :${zshFor(values)}`;
  return `'${name}[${zshQuote(about).replace(/[[\]]/g, '')}]${value}'`;
}

function zshFor(values: Values): string {
  if (values.kind === 'words') return `(${values.words.join(' ')})`;
  return { files: '_files', ids: '_shrinkbox_ids', nothing: ' ' }[values.kind];
}

function zshName(path: string): string {
  return `_shrinkbox_${path.replace(/[^a-z]+/g, '_')}`;
}

function zshQuote(text: string): string {
  return text.replace(/'/g, "'\\''").replace(/:/g, '\\:');
}

function fishScript(commands: CommandSpec[]): string {
  const lines = commands.flatMap(command => fishLines(command, commands));
  return `${HEADER}complete -c shrinkbox -f\n${[...new Set(lines)].join('\n')}\n`;
}

function fishLines({ path, flags, argument }: CommandSpec, commands: CommandSpec[]): string[] {
  const children = childrenOf(path, commands);
  const words = children.map(each => lastWord(each.path));
  const under =
    path === ''
      ? '__fish_use_subcommand'
      : path
          .split(' ')
          .map(word => `__fish_seen_subcommand_from ${word}`)
          .join('; and ');
  const none = path !== '' && words.length > 0 ? `; and not __fish_seen_subcommand_from ${words.join(' ')}` : '';
  const when = `complete -c shrinkbox -n '${under}${none}'`;
  return [
    ...children.map(each => `${when} -a ${lastWord(each.path)} -d '${fishQuote(each.about)}'`),
    ...flags.map(({ name, about, values }) => {
      const value = values === undefined ? '' : ` -r${fishFor(values)}`;
      return `${when} -l ${name.replace(/^--/, '')} -d '${fishQuote(about)}'${value}`;
    }),
    ...(children.length > 0 || argument.kind === 'nothing' ? [] : [`${when}${fishFor(argument)}`]),
  ];
}

function fishFor(values: Values): string {
  switch (values.kind) {
    case 'words':
      return ` -a '${values.words.join(' ')}'`;
    case 'files':
      return ' -F';
    case 'ids':
      return " -a '(shrinkbox complete-ids 2>/dev/null)'";
    case 'nothing':
      return '';
  }
}

function fishQuote(text: string): string {
  return text.replace(/[\\']/g, '\\$&');
}

function childrenOf(path: string, commands: CommandSpec[]): CommandSpec[] {
  const depth = path === '' ? 1 : path.split(' ').length + 1;
  return commands.filter(
    each =>
      each.path !== '' && each.path.split(' ').length === depth && (path === '' || each.path.startsWith(`${path} `)),
  );
}

function lastWord(path: string): string {
  return path.split(' ').at(-1) ?? '';
}
