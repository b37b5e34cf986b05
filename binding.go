package carafe

import (
	"errors"
	"reflect"
)

func planBinding(t reflect.Type) (argument, error) { return nil, errors.New("no") }
