export { type ObserveOptions, observe } from './observe.js'
