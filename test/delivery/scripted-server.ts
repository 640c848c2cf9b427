export { drop, endlessly, hangUp, type Script, type Step, silence } from '../../src/testing/remote/script.js'
