// Prints the schema of the MJML packages that stand beside this process: see make.py, which calls it.
const path = require('path')
const fs = require('fs')
const from = (name) => require(path.join(process.cwd(), 'node_modules', name))

const { components, dependencies } = from('mjml-preset-core')
const version = from('mjml-preset-core/package.json').version
const licence = fs.readFileSync(path.join('node_modules', 'mjml-core', 'LICENSE.md'), 'utf8')

const attributes = {}
const markup = []
for (const component of components) {
  attributes[component.componentName] = component.allowedAttributes || {}
  if (component.endingTag) markup.push(component.componentName)
}
const children = {}
for (const [parent, allowed] of Object.entries(dependencies)) {
  children[parent] = allowed.filter((name) => typeof name === 'string')
}
const colours = from('mjml-core/lib/types/helpers/colors.js').default
  || from('mjml-core/lib/types/helpers/colors.js')
process.stdout.write(JSON.stringify(
  { source: `mjml-preset-core and mjml-core ${version}, https://mjml.io`, licence, children, attributes, markup, colours },
  null, 1) + '\n')
