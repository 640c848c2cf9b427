import type { Command } from './command.js'
import { auth } from './commands/auth.js'
import { capa } from './commands/capa.js'
import { dele } from './commands/dele.js'
import { lang } from './commands/lang.js'
import { list } from './commands/list.js'
import { noop } from './commands/noop.js'
import { pass } from './commands/pass.js'
import { quit } from './commands/quit.js'
import { retr } from './commands/retr.js'
import { rset } from './commands/rset.js'
import { stat } from './commands/stat.js'
import { stls } from './commands/stls.js'
import { top } from './commands/top.js'
import { uidl } from './commands/uidl.js'
import { user } from './commands/user.js'
import { utf8 } from './commands/utf8.js'

const all = [capa, stls, user, pass, auth, utf8, lang, stat, list, uidl, retr, top, dele, rset, noop, quit]

/** Commands by verb. */
export const commands: ReadonlyMap<string, Command> = new Map(all.map(command => [command.verb, command]))
