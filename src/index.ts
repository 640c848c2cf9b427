export { MailError } from './core/error.js'
