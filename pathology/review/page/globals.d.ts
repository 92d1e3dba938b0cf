/// <reference path="./node_modules/openseadragon/types/index.d.ts" />
