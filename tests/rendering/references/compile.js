// Reads documents as JSON, a name to its MJML, and prints a name to its HTML: see make.py, which calls it.
const path = require('path')
const fs = require('fs')
const mjml2html = require(path.join(process.cwd(), 'node_modules', 'mjml'))

const answers = {}
for (const [name, mjml] of Object.entries(JSON.parse(fs.readFileSync(0, 'utf8')))) {
  answers[name] = mjml2html(mjml, { fonts: {}, keepComments: true, validationLevel: 'skip' }).html
}
process.stdout.write(JSON.stringify(answers))
