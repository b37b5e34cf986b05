package carafe

import ("reflect";"errors")

func planBinding(t reflect.Type) (argument, error) { return nil, errors.New("no") }
